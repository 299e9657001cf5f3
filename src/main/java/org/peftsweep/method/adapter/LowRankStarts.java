package org.peftsweep.method.adapter;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.model.Linear;

/** Where the targets of a method start, where all starts come of the same passes over data. */
public record LowRankStarts(SortedMap<String, LowRankStart> byModule)
    implements InitCache.Prepared {
  /** Returns the starts of a trained trial from its kept tensors. */
  public static LowRankStarts of(SafeTensors kept, List<Linear> targets) {
    return of(targets, linear -> ResidualAdapter.start(kept, linear));
  }

  /** Zeros for every target. */
  public static LowRankStarts blank(List<Linear> targets, int rank) {
    return of(targets, linear -> LowRankStart.blank(linear.out(), linear.in(), rank));
  }

  static LowRankStarts of(List<Linear> targets, Function<Linear, LowRankStart> start) {
    SortedMap<String, LowRankStart> byModule = new TreeMap<>();
    targets.forEach(linear -> byModule.put(linear.name(), start.apply(linear)));
    return new LowRankStarts(byModule);
  }

  public LowRankStart of(String module) {
    return byModule.get(module);
  }

  @Override
  public long bytes() {
    return byModule.values().stream().mapToLong(LowRankStart::bytes).sum();
  }
}
