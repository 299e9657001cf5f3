package org.peftsweep.stats;

import java.util.Arrays;

/**
 * Expected validation performance: what the best of n configurations, drawn at random without
 * replacement from those that were tried, scores on average.
 *
 * <p>Dodge et al., 2019, arXiv:1909.03004, draw with replacement, which is biased; this is the
 * unbiased estimator of Tang et al., 2020, arXiv:2004.13705: {@code Σᵢ v₍ᵢ₎ · C(i−1, n−1) / C(N,
 * n)} over the sorted scores.
 */
public final class ExpectedMaximum {
  private ExpectedMaximum() {}

  /**
   * Returns the expected best for budgets 1 to N; the first is the mean, the last the maximum.
   *
   * @param scores of all configurations tried, at least one; those that are no finite numbers are
   *     left out, so that there may be fewer budgets than scores
   */
  public static double[] of(double[] scores) {
    double[] sorted = Arrays.stream(scores).filter(Double::isFinite).toArray();
    Arrays.sort(sorted);
    int tried = sorted.length;
    double[] expected = new double[tried];
    for (int budget = 1; budget <= tried; budget++) {
      // The weight of the largest is n/N; each lower one follows from the one above it.
      double weight = (double) budget / tried;
      for (int i = tried; i >= budget; i--) {
        expected[budget - 1] += weight * sorted[i - 1];
        weight *= i == budget ? 0 : (double) (i - budget) / (i - 1);
      }
    }
    return expected;
  }
}
