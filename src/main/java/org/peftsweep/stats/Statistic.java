package org.peftsweep.stats;

import java.util.Arrays;
import org.apache.commons.math3.stat.StatUtils;

/** One number that stands for many. */
@FunctionalInterface
public interface Statistic {
  /** The arithmetic mean. */
  Statistic MEAN = StatUtils::mean;

  /**
   * The interquartile mean: the mean of what is left when the lowest and the highest quarter are
   * taken away, {@code ⌊n/4⌋} numbers each. Less moved by outliers than the mean, and less wasteful
   * than the median. Agarwal et al., 2021, arXiv:2108.13264, §4.3.
   */
  Statistic IQM =
      values -> {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int cut = sorted.length / 4;
        return StatUtils.mean(sorted, cut, sorted.length - 2 * cut);
      };

  /** Returns the number; {@code values} are left as they are. */
  double of(double[] values);
}
