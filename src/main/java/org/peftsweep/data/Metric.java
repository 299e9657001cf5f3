package org.peftsweep.data;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import org.apache.commons.math3.stat.ranking.NaturalRanking;

/**
 * A score of predictions against labels, with the conventions of scikit-learn and SciPy, which the
 * GLUE metric of Hugging Face calls.
 *
 * <p>Classification metrics take class ids, regression metrics take values. A score that is
 * undefined (no rows, constant input of a correlation, a NaN prediction in a regression) is NaN.
 */
public enum Metric {
  /** Share of equal pairs, 0 to 1. */
  ACCURACY(false) {
    @Override
    double score(double[] predictions, double[] labels) {
      int equal = 0;
      for (int i = 0; i < labels.length; i++) {
        equal += predictions[i] == labels[i] ? 1 : 0;
      }
      return (double) equal / labels.length;
    }
  },

  /** {@code 2TP / (2TP + FP + FN)} of class 1, 0 where that is 0/0. */
  F1(false) {
    @Override
    double score(double[] predictions, double[] labels) {
      int both = 0;
      int either = 0;
      for (int i = 0; i < labels.length; i++) {
        both += predictions[i] == 1 && labels[i] == 1 ? 1 : 0;
        either += (predictions[i] == 1 ? 1 : 0) + (labels[i] == 1 ? 1 : 0);
      }
      return either == 0 ? 0 : 2.0 * both / either;
    }
  },

  /**
   * Matthews correlation for any number of classes (Gorodkin 2004), 0 where predictions or labels
   * are all of one class.
   */
  MATTHEWS(false) {
    @Override
    double score(double[] predictions, double[] labels) {
      double[] classes =
          Arrays.stream(new double[][] {predictions, labels})
              .flatMapToDouble(Arrays::stream)
              .distinct()
              .toArray();
      double rows = labels.length;
      double covariance = 0;
      double predictedVariance = rows * rows;
      double labelVariance = rows * rows;
      for (double id : classes) {
        double hits = 0;
        double predicted = 0;
        double labelled = 0;
        for (int i = 0; i < labels.length; i++) {
          boolean isPredicted = predictions[i] == id;
          boolean isLabelled = labels[i] == id;
          hits += isPredicted && isLabelled ? 1 : 0;
          predicted += isPredicted ? 1 : 0;
          labelled += isLabelled ? 1 : 0;
        }
        covariance += hits * rows - predicted * labelled;
        predictedVariance -= predicted * predicted;
        labelVariance -= labelled * labelled;
      }
      double scale = predictedVariance * labelVariance;
      return scale == 0 ? 0 : covariance / Math.sqrt(scale);
    }
  },

  /**
   * Pearson's r; NaN for constant input and for fewer than two rows. In two passes: the one-pass
   * sums of commons-math lose six digits on nearly constant input.
   */
  PEARSON(true) {
    @Override
    double score(double[] predictions, double[] labels) {
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
  },

  /** Pearson's r of the ranks, ties sharing their average rank. */
  SPEARMAN(true) {
    @Override
    double score(double[] predictions, double[] labels) {
      return PEARSON.score(ranks(predictions), ranks(labels));
    }
  };

  private final boolean regression;

  Metric(boolean regression) {
    this.regression = regression;
  }

  /** The name in sweep files and result tables, such as {@code matthews}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The metric of that name; {@link IllegalArgumentException} names the choices. */
  public static Metric ofId(String id) {
    return Arrays.stream(values())
        .filter(metric -> metric.id().equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "Cannot use metric "
                        + id
                        + ": choose one of "
                        + Arrays.stream(values()).map(Metric::id).collect(Collectors.toList())));
  }

  /** Whether a larger score is a better one. */
  public boolean isHigherBetter() {
    return true;
  }

  /** Whether it scores values rather than class ids. */
  public boolean isRegression() {
    return regression;
  }

  /**
   * The score.
   *
   * @param predictions [rows] class ids or values
   * @param labels [rows]
   */
  public double of(double[] predictions, double[] labels) {
    if (predictions.length != labels.length) {
      throw new IllegalArgumentException(
          "Cannot score "
              + predictions.length
              + " predictions against "
              + labels.length
              + " labels: give one prediction a label");
    }
    if (labels.length == 0) {
      return Double.NaN;
    }
    boolean isUndefined =
        regression && Arrays.stream(predictions).anyMatch(value -> !Double.isFinite(value));
    return isUndefined ? Double.NaN : score(predictions, labels);
  }

  abstract double score(double[] predictions, double[] labels);

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
