package org.peftsweep.stats;

import java.util.Collection;
import java.util.Optional;
import org.apache.commons.math3.distribution.TDistribution;
import org.apache.commons.math3.stat.StatUtils;

/**
 * The standard deviation within groups whose means differ, such as of seeds within recipes: the
 * root of all squares about the groups' own means over the degrees of freedom that are left.
 *
 * @param freedom numbers less groups, at least 1
 */
public record PooledDeviation(double deviation, int freedom) {
  /** Pools groups; empty where none has two numbers. */
  public static Optional<PooledDeviation> of(Collection<double[]> groups) {
    double squares = 0;
    int freedom = 0;
    for (double[] group : groups) {
      if (group.length > 1) {
        squares += StatUtils.variance(group) * (group.length - 1);
        freedom += group.length - 1;
      }
    }
    return freedom == 0
        ? Optional.empty()
        : Optional.of(new PooledDeviation(Math.sqrt(squares / freedom), freedom));
  }

  /**
   * Returns what two further numbers of one group lie apart by at most in 95 of 100 cases, those in
   * which this deviation came out smaller or larger than it is among them: {@code t · √2 ·
   * deviation}, t being Student's quantile of 0.975 with this freedom.
   */
  public double floor() {
    double t =
        new TDistribution(freedom).inverseCumulativeProbability(1 - (1 - Interval.LEVEL) / 2);
    return t * Math.sqrt(2) * deviation;
  }
}
