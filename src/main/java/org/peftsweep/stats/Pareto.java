package org.peftsweep.stats;

/** What is worth its cost. */
public final class Pareto {
  private Pareto() {}

  /**
   * Returns which points lie on the front: no other has a score as high at a cost as low, one of
   * the two better. Equal points are on it together; a point with a number that is not finite never
   * is, nor does it keep another off.
   *
   * @param costs the lower the better
   * @param scores the higher the better
   */
  public static boolean[] front(double[] costs, double[] scores) {
    boolean[] front = new boolean[costs.length];
    for (int i = 0; i < costs.length; i++) {
      front[i] = Double.isFinite(costs[i]) && Double.isFinite(scores[i]);
      for (int j = 0; j < costs.length && front[i]; j++) {
        boolean asGood =
            Double.isFinite(costs[j])
                && Double.isFinite(scores[j])
                && costs[j] <= costs[i]
                && scores[j] >= scores[i];
        front[i] = !(asGood && (costs[j] < costs[i] || scores[j] > scores[i]));
      }
    }
    return front;
  }
}
