package org.peftsweep.stats;

import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleBiFunction;

/**
 * How much scores on a task turn on which examples it has.
 *
 * <p>A replicate draws examples with replacement, the same for all recipes, so that what the
 * recipes have in common cancels. Seeds are averaged, never redrawn: a percentile interval of a
 * handful covers far less than it says. Koehn, 2004; Efron and Tibshirani, 1993, chapter 16.
 */
public final class PairedBootstrap {
  private final double[][] replicates;
  private final double[] scores;

  /**
   * Scores all replicates.
   *
   * @param metric of predictions and labels
   * @param labels of each example
   * @param predictions of each recipe, each seed, each example: {@code [recipes][seeds][examples]}
   */
  public PairedBootstrap(
      ToDoubleBiFunction<double[], double[]> metric,
      double[] labels,
      List<double[][]> predictions,
      Bootstrap bootstrap) {
    this.scores = new double[predictions.size()];
    this.replicates = new double[predictions.size()][bootstrap.replicates()];
    for (int recipe = 0; recipe < scores.length; recipe++) {
      for (double[] answers : predictions.get(recipe)) {
        if (answers.length != labels.length) {
          throw new IllegalArgumentException(
              "Cannot compare "
                  + answers.length
                  + " answers with "
                  + labels.length
                  + " labels: give one a label");
        }
        scores[recipe] += metric.applyAsDouble(answers, labels) / predictions.get(recipe).length;
      }
    }
    SplittableRandom random = new SplittableRandom(bootstrap.seed());
    int[] examples = new int[labels.length];
    double[] drawnLabels = new double[labels.length];
    double[] drawn = new double[labels.length];
    for (int i = 0; i < bootstrap.replicates(); i++) {
      for (int k = 0; k < examples.length; k++) {
        examples[k] = random.nextInt(examples.length);
        drawnLabels[k] = labels[examples[k]];
      }
      for (int recipe = 0; recipe < scores.length; recipe++) {
        double[][] answers = predictions.get(recipe);
        double sum = 0;
        for (double[] seed : answers) {
          for (int k = 0; k < examples.length; k++) {
            drawn[k] = seed[examples[k]];
          }
          sum += metric.applyAsDouble(drawn, drawnLabels);
        }
        replicates[recipe][i] = sum / answers.length;
      }
    }
  }

  /** Returns a recipe's score, the mean over its seeds, with its interval. */
  public Interval score(int recipe) {
    return Interval.ofReplicates(scores[recipe], replicates[recipe]);
  }

  /** Returns the score of one recipe less that of another, with its interval. */
  public Interval difference(int first, int second) {
    double[] differences = new double[replicates[first].length];
    for (int i = 0; i < differences.length; i++) {
      differences[i] = replicates[first][i] - replicates[second][i];
    }
    return Interval.ofReplicates(scores[first] - scores[second], differences);
  }
}
