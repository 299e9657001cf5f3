package org.peftsweep.stats;

import org.apache.commons.math3.distribution.TDistribution;

/**
 * What a few independent numbers say of their mean, such as a recipe's scores, one a seed, or the
 * differences of two recipes, seed by seed.
 *
 * <p>The numbers are seeds of one training on one set of examples: the mean is that of all seeds on
 * these examples. One number says nothing of how far another would lie off.
 *
 * @param count how many, at least 1
 * @param mean of them
 * @param error its standard error; NaN for a single number
 * @param looks how often the numbers are looked at
 */
public record MeanTest(int count, double mean, double error, Looks looks) {
  private static final double ALPHA = 1 - Interval.LEVEL;

  /**
   * Takes finite numbers.
   *
   * @param resolution smallest step between two values that they can take, 0 where they are
   *     continuous: scores of few examples may be equal by rounding alone
   * @throws IllegalArgumentException if there are none, or one is no number
   */
  public static MeanTest of(double[] values, double resolution, Looks looks) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    if (values.length == 0 || !Double.isFinite(sum)) {
      throw new IllegalArgumentException(
          "Cannot average " + values.length + " numbers of sum " + sum + ": give finite ones");
    }
    double mean = sum / values.length;
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    double variance = squares / (values.length - 1);
    // Of a difference of two rounded numbers.
    double rounding = resolution * resolution / 6;
    double error =
        values.length == 1 ? Double.NaN : Math.sqrt(Math.max(variance, rounding) / values.length);
    return new MeanTest(values.length, mean, error, looks);
  }

  /** Returns the interval of the mean; its ends are NaN for a single number. */
  public Interval interval() {
    if (count == 1) {
      return new Interval(mean, Double.NaN, Double.NaN);
    }
    double half =
        error
            * (looks == Looks.ONCE
                ? new TDistribution(count - 1).inverseCumulativeProbability(1 - ALPHA / 2)
                : SequentialT.critical(count, 1 / ALPHA));
    // Nothing times infinity: equal numbers, too few of them.
    return Double.isNaN(half)
        ? new Interval(mean, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY)
        : new Interval(mean, mean - half, mean + half);
  }

  /**
   * Returns the one-sided p-value of the mean being at most a number: small where it is surely
   * above; 1 for a single number.
   */
  public double above(double number) {
    if (count == 1) {
      return 1;
    }
    double distance = mean - number;
    if (distance == 0) {
      return 0.5;
    }
    double t = error == 0 ? distance * Double.POSITIVE_INFINITY : distance / error;
    if (looks == Looks.ONCE) {
      return Double.isInfinite(t)
          ? t > 0 ? 0 : 1
          : new TDistribution(count - 1).cumulativeProbability(-t);
    }
    double half = 0.5 * Math.min(1, 1 / SequentialT.eValue(count, t));
    return t > 0 ? half : 1 - half;
  }

  /** Returns the same of the mean being at least a number. */
  public double below(double number) {
    return count == 1 ? 1 : 1 - above(number);
  }

  /** Returns the two-sided p-value of the mean being 0. */
  public double pValue() {
    return Math.min(1, 2 * Math.min(above(0), below(0)));
  }
}
