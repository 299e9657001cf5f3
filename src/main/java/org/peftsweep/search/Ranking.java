package org.peftsweep.search;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Orders tries by their objectives, each the higher the better: by the value of a single one, else
 * by fronts that nothing dominates, and within a front by how alone a try stands in it.
 *
 * <p>Deb et al., 2002, NSGA-II, §III. What has failed, with a value that is no finite number, comes
 * last; of equals the first comes first.
 */
final class Ranking {
  private Ranking() {}

  /** Returns indices, the best first. */
  static int[] order(List<double[]> values) {
    int size = values.size();
    double[] key = new double[size];
    double[] tie = new double[size];
    if (size > 0 && values.get(0).length == 1) {
      for (int i = 0; i < size; i++) {
        key[i] = Double.isFinite(values.get(i)[0]) ? -values.get(i)[0] : Double.MAX_VALUE;
      }
    } else {
      int[] fronts = fronts(values);
      for (int i = 0; i < size; i++) {
        key[i] = fronts[i];
      }
      crowding(values, fronts, tie);
    }
    return IntStream.range(0, size)
        .boxed()
        .sorted(
            Comparator.<Integer>comparingDouble(i -> key[i])
                .thenComparingDouble(i -> -tie[i])
                .thenComparing(i -> i))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** Whether all values are finite. */
  static boolean isWhole(double[] values) {
    return Arrays.stream(values).allMatch(Double::isFinite);
  }

  /** Returns the number of each try's front, from 0; the greatest for what has failed. */
  static int[] fronts(List<double[]> values) {
    int[] fronts = new int[values.size()];
    Arrays.fill(fronts, Integer.MAX_VALUE);
    List<Integer> left = new ArrayList<>();
    for (int i = 0; i < fronts.length; i++) {
      if (isWhole(values.get(i))) {
        left.add(i);
      }
    }
    for (int front = 0; !left.isEmpty(); front++) {
      List<Integer> open = left;
      List<Integer> best =
          open.stream()
              .filter(i -> open.stream().noneMatch(j -> dominates(values.get(j), values.get(i))))
              .toList();
      for (int i : best) {
        fronts[i] = front;
      }
      left = open.stream().filter(i -> fronts[i] == Integer.MAX_VALUE).toList();
    }
    return fronts;
  }

  private static boolean dominates(double[] one, double[] other) {
    boolean isBetter = false;
    for (int i = 0; i < one.length; i++) {
      if (one[i] < other[i]) {
        return false;
      }
      isBetter |= one[i] > other[i];
    }
    return isBetter;
  }

  private static void crowding(List<double[]> values, int[] fronts, double[] crowding) {
    int objectives = values.isEmpty() ? 0 : values.get(0).length;
    int last = Arrays.stream(fronts).filter(f -> f < Integer.MAX_VALUE).max().orElse(-1);
    for (int front = 0; front <= last; front++) {
      int number = front;
      for (int objective = 0; objective < objectives; objective++) {
        int of = objective;
        int[] sorted =
            IntStream.range(0, fronts.length)
                .filter(i -> fronts[i] == number)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> values.get(i)[of]))
                .mapToInt(Integer::intValue)
                .toArray();
        double low = values.get(sorted[0])[of];
        double width = values.get(sorted[sorted.length - 1])[of] - low;
        for (int i = 0; i < sorted.length; i++) {
          boolean isOutermost = i == 0 || i == sorted.length - 1;
          crowding[sorted[i]] +=
              isOutermost
                  ? 1e9
                  : width == 0
                      ? 0
                      : (values.get(sorted[i + 1])[of] - values.get(sorted[i - 1])[of]) / width;
        }
      }
    }
  }
}
