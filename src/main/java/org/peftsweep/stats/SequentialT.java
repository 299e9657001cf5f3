package org.peftsweep.stats;

/**
 * A t-test that may be looked at after every number: the probability that its e-value ever reaches
 * {@code 1/α} is at most α where the mean is 0, by Ville's inequality.
 *
 * <p>The e-value is the Bayes factor of a mean of {@code δσ} with {@code δ ~ N(0, g)} against a
 * mean of 0, with the right Haar prior {@code 1/σ} on the unknown spread in both:
 *
 * <p>{@code e = (1 + ng)^(−1/2) · ((1 + t²/ν) / (1 + t²/(ν(1 + ng))))^(n/2)}, {@code ν = n − 1}.
 *
 * <p>Being invariant to the spread it is a martingale from the second number on: Wang and Ramdas,
 * 2023, arXiv:2310.03722, §4; Lindon et al., 2022, arXiv:2210.08589. Numbers are taken to be
 * normal; tails as heavy as those of Student's t with 3 degrees of freedom are simulated in the
 * tests.
 */
final class SequentialT {
  /** Effects worth finding are a few standard deviations of a seed. */
  private static final double G = 4;

  private SequentialT() {}

  /**
   * Returns the e-value against a mean of 0.
   *
   * @param n how many numbers, at least 2
   * @param t their mean over its standard error
   */
  static double eValue(int n, double t) {
    double nu = n - 1;
    double spread = 1 + n * G;
    double squared = t * t / nu;
    double power = 0.5 * n;
    double log =
        -0.5 * Math.log(spread) + power * (Math.log1p(squared) - Math.log1p(squared / spread));
    // Beyond all bounds the quotient of two infinities has this limit.
    return Double.isInfinite(squared)
        ? Math.exp(-0.5 * Math.log(spread) + power * Math.log(spread))
        : Math.exp(log);
  }

  /**
   * Returns how many standard errors the mean may lie off before the e-value reaches a threshold;
   * infinite where so few numbers never reach it.
   */
  static double critical(int n, double threshold) {
    double spread = 1 + n * G;
    double k = Math.pow(threshold * threshold * spread, 1.0 / n);
    return k < spread ? Math.sqrt((n - 1) * (k - 1) / (1 - k / spread)) : Double.POSITIVE_INFINITY;
  }
}
