package org.peftsweep.method.adapter;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.model.Linear;

/** The rank that each target was given before the first step, by name. */
public record SharedRanks(SortedMap<String, Integer> ranks)
    implements MethodHooks, InitCache.Prepared {
  /** The same for every target, or what its adapter gives. */
  public static SharedRanks even(AttachContext to, int rank) {
    SortedMap<String, Integer> ranks = new TreeMap<>();
    to.projections().forEach(linear -> ranks.put(linear.name(), to.rank(linear, rank)));
    return new SharedRanks(ranks);
  }

  /** Returns the ranks of a trained trial from its kept tensors. */
  public static SharedRanks of(SafeTensors kept, List<Linear> targets) {
    SortedMap<String, Integer> ranks = new TreeMap<>();
    for (Linear linear : targets) {
      List<Long> shape = kept.info(linear.name() + ".lora_A.weight").shape();
      ranks.put(linear.name(), Math.toIntExact(shape.get(0)));
    }
    return new SharedRanks(ranks);
  }

  @Override
  public long bytes() {
    return (long) Integer.BYTES * ranks.size();
  }
}
