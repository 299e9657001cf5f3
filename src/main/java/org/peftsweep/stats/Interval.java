package org.peftsweep.stats;

import java.util.Arrays;
import org.apache.commons.math3.stat.descriptive.rank.Percentile;
import org.apache.commons.math3.stat.descriptive.rank.Percentile.EstimationType;

/**
 * An estimate and the interval that covers its true value in 95 of 100 repetitions.
 *
 * @param value the estimate from the numbers themselves
 * @param low end of the interval; equals high where there was nothing to resample
 */
public record Interval(double value, double low, double high) {
  /** Probability that the interval covers the true value. */
  public static final double LEVEL = 0.95;

  /**
   * Makes the percentile interval of a bootstrap: quantiles of the replicates, interpolated as in
   * R's type 7 and NumPy's default. Undefined replicates do not count; of none the ends are NaN.
   */
  static Interval ofReplicates(double value, double[] replicates) {
    // A replicate may leave the statistic undefined, as a correlation of equals.
    double[] sorted = Arrays.stream(replicates).filter(Double::isFinite).toArray();
    if (sorted.length == 0) {
      return new Interval(value, Double.NaN, Double.NaN);
    }
    Arrays.sort(sorted);
    Percentile percentile = new Percentile().withEstimationType(EstimationType.R_7);
    percentile.setData(sorted);
    double tail = 100 * (1 - LEVEL) / 2;
    return new Interval(value, percentile.evaluate(tail), percentile.evaluate(100 - tail));
  }

  /** Whether both ends are numbers. */
  public boolean isBounded() {
    return Double.isFinite(low) && Double.isFinite(high);
  }

  /** Returns half the width. */
  public double half() {
    return (high - low) / 2;
  }
}
