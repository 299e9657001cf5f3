package org.peftsweep.stats;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Correction of p-values for the number of tests made. */
public final class Holm {
  private Holm() {}

  /**
   * Returns adjusted p-values in the order given: the i-th smallest of n, times {@code n − i + 1},
   * at least as large as the ones before it and at most 1. Calling those up to α significant keeps
   * the probability of a single false one below α. One that is no number counts as 1. Holm, 1979.
   */
  public static double[] adjusted(double[] pValues) {
    List<Integer> order =
        IntStream.range(0, pValues.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> known(pValues[i])))
            .toList();
    double[] adjusted = new double[pValues.length];
    double largest = 0;
    for (int i = 0; i < order.size(); i++) {
      largest = Math.max(largest, Math.min(1, (pValues.length - i) * known(pValues[order.get(i)])));
      adjusted[order.get(i)] = largest;
    }
    return adjusted;
  }

  private static double known(double pValue) {
    return Double.isNaN(pValue) ? 1 : pValue;
  }
}
