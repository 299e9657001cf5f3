package org.peftsweep.stats;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Resampling with replacement.
 *
 * @param replicates number of resamples, at least 1
 * @param seed of the draws
 */
public record Bootstrap(int replicates, long seed) {
  /** What reports use: ends of an interval are then stable to about a fiftieth of its width. */
  public static final Bootstrap STANDARD = new Bootstrap(2000, 0);

  public Bootstrap {
    if (replicates < 1) {
      throw new IllegalArgumentException(
          "Cannot resample " + replicates + " times: give at least 1");
    }
  }

  /**
   * Returns a statistic over all scores with its stratified interval: scores are redrawn within
   * each stratum, so every replicate has as many of each task as there were. Agarwal et al., 2021,
   * arXiv:2108.13264, §4.1.
   *
   * @param strata scores of each task, one a seed; tasks may have different numbers of them
   */
  public Interval stratified(Statistic statistic, List<double[]> strata) {
    double[] all = strata.stream().flatMapToDouble(Arrays::stream).toArray();
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[replicates];
    double[] drawn = new double[all.length];
    for (int i = 0; i < replicates; i++) {
      redraw(strata, drawn, random);
      values[i] = statistic.of(drawn);
    }
    return Interval.ofReplicates(statistic.of(all), values);
  }

  /**
   * Returns the probability that a score of one method is above one of the other on a task drawn at
   * random, ties counting half, with its stratified interval. Agarwal et al., 2021,
   * arXiv:2108.13264, §4.3.
   *
   * @param ours scores of each task
   * @param theirs the same for the other method, tasks in the same order
   */
  public Interval improvement(List<double[]> ours, List<double[]> theirs) {
    if (ours.size() != theirs.size() || ours.isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot compare " + ours.size() + " tasks with " + theirs.size() + ": give the same");
    }
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[replicates];
    for (int i = 0; i < replicates; i++) {
      double sum = 0;
      for (int task = 0; task < ours.size(); task++) {
        sum += above(redrawn(ours.get(task), random), redrawn(theirs.get(task), random));
      }
      values[i] = sum / ours.size();
    }
    double value = 0;
    for (int task = 0; task < ours.size(); task++) {
      value += above(ours.get(task), theirs.get(task)) / ours.size();
    }
    return Interval.ofReplicates(value, values);
  }

  private static void redraw(List<double[]> strata, double[] into, SplittableRandom random) {
    int at = 0;
    for (double[] stratum : strata) {
      for (int i = 0; i < stratum.length; i++) {
        into[at++] = stratum[random.nextInt(stratum.length)];
      }
    }
  }

  private static double[] redrawn(double[] scores, SplittableRandom random) {
    double[] drawn = new double[scores.length];
    redraw(List.of(scores), drawn, random);
    return drawn;
  }

  /** The share of pairs in which ours is above; Mann and Whitney's U over the number of pairs. */
  private static double above(double[] ours, double[] theirs) {
    double wins = 0;
    for (double our : ours) {
      for (double their : theirs) {
        wins += our > their ? 1 : our == their ? 0.5 : 0;
      }
    }
    return wins / ((double) ours.length * theirs.length);
  }
}
