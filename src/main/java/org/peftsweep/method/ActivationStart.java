package org.peftsweep.method;

import java.util.SortedMap;
import java.util.TreeMap;

/** Where EVA starts: a rank and an A for each target. */
record ActivationStart(SortedMap<String, Of> byModule) implements Preparations.Prepared {
  /**
   * One target's start.
   *
   * @param a {@code [rank, in]}, orthonormal rows
   */
  record Of(int rank, float[] a) {}

  Of of(String module) {
    return byModule.get(module);
  }

  /** Returns the rank of each target. */
  SortedMap<String, Integer> ranks() {
    SortedMap<String, Integer> ranks = new TreeMap<>();
    byModule.forEach((module, of) -> ranks.put(module, of.rank()));
    return ranks;
  }

  @Override
  public long bytes() {
    return byModule.values().stream().mapToLong(of -> (long) Float.BYTES * of.a.length).sum();
  }
}
