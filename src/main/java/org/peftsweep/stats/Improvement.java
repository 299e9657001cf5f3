package org.peftsweep.stats;

import java.util.List;

/** How often one recipe is better than another, whatever the scale of scores. */
public final class Improvement {
  private Improvement() {}

  /**
   * Returns the probability that a score of one recipe is above one of the other on a task drawn at
   * random, ties counting half: on each task Mann and Whitney's U over the number of pairs. Agarwal
   * et al., 2021, arXiv:2108.13264, §4.3.
   *
   * @param ours scores of each task, one a seed
   * @param theirs the same for the other recipe, tasks in the same order
   */
  public static double probability(List<double[]> ours, List<double[]> theirs) {
    if (ours.size() != theirs.size() || ours.isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot compare " + ours.size() + " tasks with " + theirs.size() + ": give the same");
    }
    double value = 0;
    for (int task = 0; task < ours.size(); task++) {
      value += above(ours.get(task), theirs.get(task)) / ours.size();
    }
    return value;
  }

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
