package org.peftsweep.method.adapter;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.model.Linear;

/** Where EVA starts: a rank and an A for each target. */
public record ActivationStart(SortedMap<String, Of> byModule) implements InitCache.Prepared {
  /**
   * One target's start.
   *
   * @param a {@code [rank, in]}, orthonormal rows
   */
  public record Of(int rank, float[] a) {}

  /** Zeros for every target, of the rank that its adapter gives, or else of the mean rank. */
  public static ActivationStart blank(AttachContext to, int mean) {
    SortedMap<String, Of> byModule = new TreeMap<>();
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, mean);
      byModule.put(linear.name(), new Of(rank, new float[rank * linear.in()]));
    }
    return new ActivationStart(byModule);
  }

  /** Returns the ranks of a trained trial from its kept tensors, and A as it is there. */
  public static ActivationStart of(SafeTensors kept, List<Linear> targets) {
    SortedMap<String, Of> byModule = new TreeMap<>();
    for (Linear linear : targets) {
      String a = linear.name() + ".lora_A.weight";
      List<Long> shape = kept.shapes().getOrDefault(a, List.of(0L));
      float[] values = shape.get(0) == 0 ? new float[0] : kept.floats(a);
      byModule.put(linear.name(), new Of(Math.toIntExact(shape.get(0)), values));
    }
    return new ActivationStart(byModule);
  }

  public Of of(String module) {
    return byModule.get(module);
  }

  /** Returns the rank of each target. */
  public SortedMap<String, Integer> ranks() {
    SortedMap<String, Integer> ranks = new TreeMap<>();
    byModule.forEach((module, of) -> ranks.put(module, of.rank()));
    return ranks;
  }

  @Override
  public long bytes() {
    return byModule.values().stream().mapToLong(of -> (long) Float.BYTES * of.a.length).sum();
  }
}
