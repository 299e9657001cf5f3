package org.peftsweep.data;

import java.util.Arrays;
import org.apache.commons.math3.stat.ranking.NaturalRanking;

/** Scores of one list of numbers against another. */
final class Correlation {

  private Correlation() {}

  /**
   * Pearson's r; NaN for constant input and for fewer than two rows. In two passes: the one-pass
   * sums of commons-math lose six digits on nearly constant input.
   */
  static double pearson(double[] predictions, double[] labels) {
    if (isConstant(predictions) || isConstant(labels)) {
      return Double.NaN;
    }
    double[] x = unit(predictions);
    double[] y = unit(labels);
    double product = 0;
    for (int i = 0; i < x.length; i++) {
      product += x[i] * y[i];
    }
    return Math.max(-1, Math.min(1, product));
  }

  /** Pearson's r of the ranks, ties sharing their average rank. */
  static double spearman(double[] predictions, double[] labels) {
    return pearson(ranks(predictions), ranks(labels));
  }

  /**
   * The area under the curve of true over false positives: the chance that a row of class 1 has a
   * larger value than one of class 0, ties counting half (Mann and Whitney); NaN without one of
   * both.
   */
  static double areaUnderCurve(double[] values, double[] labels) {
    double[] ranks = ranks(values);
    double sum = 0;
    double positive = 0;
    for (int i = 0; i < labels.length; i++) {
      sum += labels[i] == 1 ? ranks[i] : 0;
      positive += labels[i] == 1 ? 1 : 0;
    }
    double negative = labels.length - positive;
    return positive == 0 || negative == 0
        ? Double.NaN
        : (sum - positive * (positive + 1) / 2) / (positive * negative);
  }

  private static boolean isConstant(double[] values) {
    return Arrays.stream(values).allMatch(value -> value == values[0]);
  }

  /** Centred and scaled to length 1. */
  private static double[] unit(double[] values) {
    double mean = Arrays.stream(values).average().orElse(Double.NaN);
    double[] centred = Arrays.stream(values).map(value -> value - mean).toArray();
    double norm = Math.sqrt(Arrays.stream(centred).map(value -> value * value).sum());
    return Arrays.stream(centred).map(value -> value / norm).toArray();
  }

  private static double[] ranks(double[] values) {
    // The ranking tells -0.0 from 0.0; adding 0.0 makes both 0.0.
    return new NaturalRanking().rank(Arrays.stream(values).map(value -> value + 0.0).toArray());
  }
}
