package org.peftsweep.stats;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Ranks that say only what is known. The best leads group 1, which holds all that are not told
 * apart from it; the best of the others leads group 2, and so on.
 *
 * <p>Within the comparisons of one leader p-values are corrected by {@link Holm}.
 */
public final class TieGroups {
  /** Two are told apart where the corrected p-value is at most this. */
  public static final double ALPHA = 0.05;

  private TieGroups() {}

  /** Returns the p-value of no difference between two, given by place. */
  @FunctionalInterface
  public interface Test {
    double pValue(int first, int second);
  }

  /**
   * Returns the group of each, counted from 1.
   *
   * @param scores the higher the better; one that is no finite number comes after all
   */
  public static int[] of(double[] scores, Test test) {
    int[] groups = new int[scores.length];
    List<Integer> left = new ArrayList<>(IntStream.range(0, scores.length).boxed().toList());
    left.sort(Comparator.<Integer>comparingDouble(i -> ranked(scores[i])).reversed());
    for (int group = 1; !left.isEmpty(); group++) {
      int leader = left.remove(0);
      groups[leader] = group;
      double[] adjusted =
          Holm.adjusted(left.stream().mapToDouble(i -> test.pValue(leader, i)).toArray());
      List<Integer> rest = new ArrayList<>();
      for (int i = 0; i < adjusted.length; i++) {
        if (adjusted[i] > ALPHA) {
          groups[left.get(i)] = group;
        } else {
          rest.add(left.get(i));
        }
      }
      left = rest;
    }
    return groups;
  }

  /** Returns the number to sort by: Java holds NaN for the greatest, and no score is infinite. */
  public static double ranked(double score) {
    return Double.isFinite(score) ? score : Double.NEGATIVE_INFINITY;
  }
}
