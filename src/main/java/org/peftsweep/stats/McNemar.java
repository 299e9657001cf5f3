package org.peftsweep.stats;

import org.apache.commons.math3.distribution.ChiSquaredDistribution;
import org.apache.commons.math3.stat.inference.AlternativeHypothesis;
import org.apache.commons.math3.stat.inference.BinomialTest;

/**
 * Two classifiers on the same examples, by the examples that only one of them gets right. McNemar,
 * 1947; the correction is Edwards', 1948.
 *
 * @param onlyFirst examples that only the first gets right
 * @param onlySecond examples that only the second gets right
 */
public record McNemar(int onlyFirst, int onlySecond) {
  /** From this many examples on, the approximation is as good as the exact test. */
  private static final int MANY = 1000;

  /**
   * Counts.
   *
   * @throws IllegalArgumentException if the arrays differ in length
   */
  public static McNemar of(boolean[] first, boolean[] second) {
    if (first.length != second.length) {
      throw new IllegalArgumentException(
          "Cannot compare "
              + first.length
              + " answers with "
              + second.length
              + ": give both for the same examples");
    }
    int onlyFirst = 0;
    int onlySecond = 0;
    for (int i = 0; i < first.length; i++) {
      onlyFirst += first[i] && !second[i] ? 1 : 0;
      onlySecond += second[i] && !first[i] ? 1 : 0;
    }
    return new McNemar(onlyFirst, onlySecond);
  }

  /** Returns the two-sided p-value: exact, or with the continuity correction from 1000 on. */
  public double pValue() {
    return onlyFirst + onlySecond < MANY ? exact() : corrected();
  }

  /** Returns the exact two-sided p-value: that of as uneven a split of fair coins. */
  public double exact() {
    int examples = onlyFirst + onlySecond;
    return examples == 0
        ? 1
        : Math.min(
            1,
            new BinomialTest()
                .binomialTest(examples, onlyFirst, 0.5, AlternativeHypothesis.TWO_SIDED));
  }

  /** Returns {@code (|b − c| − 1)² / (b + c)}, 0 where b and c are equal. */
  public double statistic() {
    double difference = Math.max(0, Math.abs(onlyFirst - onlySecond) - 1);
    return onlyFirst + onlySecond == 0 ? 0 : difference * difference / (onlyFirst + onlySecond);
  }

  /** Returns the p-value of {@link #statistic} as χ² with one degree of freedom. */
  public double corrected() {
    return 1 - new ChiSquaredDistribution(1).cumulativeProbability(statistic());
  }
}
