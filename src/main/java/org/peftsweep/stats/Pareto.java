package org.peftsweep.stats;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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
    List<double[]> values = new ArrayList<>();
    for (int i = 0; i < costs.length; i++) {
      values.add(new double[] {-costs[i], scores[i]});
    }
    return front(values);
  }

  /**
   * The same of any number of measures.
   *
   * @param points measures of each, the higher the better
   */
  public static boolean[] front(List<double[]> points) {
    boolean[] front = new boolean[points.size()];
    for (int i = 0; i < front.length; i++) {
      double[] point = points.get(i);
      front[i] =
          isFinite(point)
              && points.stream().noneMatch(other -> isFinite(other) && dominates(other, point));
    }
    return front;
  }

  private static boolean isFinite(double[] point) {
    return Arrays.stream(point).allMatch(Double::isFinite);
  }

  private static boolean dominates(double[] other, double[] point) {
    boolean isBetter = false;
    for (int i = 0; i < point.length; i++) {
      if (other[i] < point[i]) {
        return false;
      }
      isBetter |= other[i] > point[i];
    }
    return isBetter;
  }
}
