package org.peftsweep.stats;

import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleBiFunction;

/**
 * Compares recipes on one task by the answers that they gave to the same examples.
 *
 * <p>A replicate draws examples with replacement, the same for all recipes, and where there are
 * several seeds those too, so that what the recipes have in common cancels. Koehn, 2004; Efron and
 * Tibshirani, 1993, chapter 16.
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
      long seeds = random.nextLong();
      for (int recipe = 0; recipe < scores.length; recipe++) {
        // The same seeds of each: seed s of one recipe met the batches of seed s of the other.
        SplittableRandom ofSeeds = new SplittableRandom(seeds);
        double[][] answers = predictions.get(recipe);
        double sum = 0;
        for (int s = 0; s < answers.length; s++) {
          double[] chosen = answers[ofSeeds.nextInt(answers.length)];
          for (int k = 0; k < examples.length; k++) {
            drawn[k] = chosen[examples[k]];
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
    return Interval.ofReplicates(scores[first] - scores[second], differences(first, second));
  }

  /**
   * Returns the two-sided p-value of no difference: twice the share of replicates on the other side
   * of 0, counting the numbers themselves as one more replicate.
   */
  public double pValue(int first, int second) {
    int notAbove = 1;
    int notBelow = 1;
    double[] differences = differences(first, second);
    for (double difference : differences) {
      // One that is undefined speaks for no side.
      notAbove += !(difference > 0) ? 1 : 0;
      notBelow += !(difference < 0) ? 1 : 0;
    }
    return Math.min(1, 2.0 * Math.min(notAbove, notBelow) / (differences.length + 1));
  }

  /**
   * Returns the mean over tasks of the difference between two recipes. Tasks are independent of
   * each other, so each is redrawn with a different replicate than the others.
   *
   * @param tasks one comparison a task
   * @param first place of the one recipe in each
   * @param second place of the other in each
   */
  public static Interval meanDifference(List<PairedBootstrap> tasks, int[] first, int[] second) {
    int replicates = tasks.stream().mapToInt(task -> task.replicates[0].length).min().orElseThrow();
    double value = 0;
    double[] sums = new double[replicates];
    SplittableRandom random = new SplittableRandom(tasks.size());
    for (int t = 0; t < tasks.size(); t++) {
      PairedBootstrap task = tasks.get(t);
      value += (task.scores[first[t]] - task.scores[second[t]]) / tasks.size();
      double[] differences = task.differences(first[t], second[t]);
      for (int i = 0; i < replicates; i++) {
        sums[i] += differences[random.nextInt(differences.length)] / tasks.size();
      }
    }
    return Interval.ofReplicates(value, sums);
  }

  private double[] differences(int first, int second) {
    double[] differences = new double[replicates[first].length];
    for (int i = 0; i < differences.length; i++) {
      differences[i] = replicates[first][i] - replicates[second][i];
    }
    return differences;
  }
}
