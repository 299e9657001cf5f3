package org.peftsweep.data;

import java.util.Arrays;
import java.util.function.ToDoubleFunction;

/**
 * How often classes were predicted, and rightly, for the metrics of scikit-learn. Classes are those
 * that occur among predictions or labels; 0/0 is 0.
 */
final class Confusion {

  /**
   * The counts of one class.
   *
   * @param hits rows of the class that were predicted as such
   * @param predicted rows predicted as the class
   * @param labelled rows of the class
   */
  record Counts(int hits, int predicted, int labelled) {
    /** Share of its predictions that are right. */
    double precision() {
      return ratio(hits, predicted);
    }

    /** Share of its rows that were found. */
    double recall() {
      return ratio(hits, labelled);
    }

    /** Harmonic mean of both: {@code 2TP / (2TP + FP + FN)}. */
    double f1() {
      return ratio(2.0 * hits, predicted + labelled);
    }

    private static double ratio(double part, double whole) {
      return whole == 0 ? 0 : part / whole;
    }
  }

  private final double[] predictions;
  private final double[] labels;

  /** Both [rows] class ids. */
  Confusion(double[] predictions, double[] labels) {
    this.predictions = predictions;
    this.labels = labels;
  }

  /** The counts of a class. */
  Counts of(double id) {
    int hits = 0;
    int predicted = 0;
    int labelled = 0;
    for (int i = 0; i < labels.length; i++) {
      hits += predictions[i] == id && labels[i] == id ? 1 : 0;
      predicted += predictions[i] == id ? 1 : 0;
      labelled += labels[i] == id ? 1 : 0;
    }
    return new Counts(hits, predicted, labelled);
  }

  /** Share of rows that are right. */
  double accuracy() {
    int right = 0;
    for (int i = 0; i < labels.length; i++) {
      right += predictions[i] == labels[i] ? 1 : 0;
    }
    return (double) right / labels.length;
  }

  /** The mean of a score over all classes, each weighing the same. */
  double macro(ToDoubleFunction<Counts> score) {
    return Arrays.stream(all()).mapToDouble(score).average().orElse(Double.NaN);
  }

  /** The mean of a score over all classes, each weighing as many as it has labels. */
  double weighted(ToDoubleFunction<Counts> score) {
    return Arrays.stream(all())
        .mapToDouble(counts -> score.applyAsDouble(counts) * counts.labelled() / labels.length)
        .sum();
  }

  /** The score of the sums of all classes' counts. */
  double micro(ToDoubleFunction<Counts> score) {
    Counts sums =
        Arrays.stream(all())
            .reduce(
                new Counts(0, 0, 0),
                (a, b) ->
                    new Counts(
                        a.hits() + b.hits(),
                        a.predicted() + b.predicted(),
                        a.labelled() + b.labelled()));
    return score.applyAsDouble(sums);
  }

  /** Matthews correlation for any number of classes (Gorodkin 2004). */
  double matthews() {
    double rows = labels.length;
    double covariance = 0;
    double predictedVariance = rows * rows;
    double labelVariance = rows * rows;
    for (Counts counts : all()) {
      double predicted = counts.predicted();
      double labelled = counts.labelled();
      covariance += counts.hits() * rows - predicted * labelled;
      predictedVariance -= predicted * predicted;
      labelVariance -= labelled * labelled;
    }
    double scale = predictedVariance * labelVariance;
    return scale == 0 ? 0 : covariance / Math.sqrt(scale);
  }

  private Counts[] all() {
    return Arrays.stream(new double[][] {predictions, labels})
        .flatMapToDouble(Arrays::stream)
        .distinct()
        .mapToObj(this::of)
        .toArray(Counts[]::new);
  }
}
