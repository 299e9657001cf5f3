package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Which trials of a plan train together: those that have a base in common, dealt out so that all
 * packs have about the same work and every slot has some.
 *
 * <p>What memory they need is known where they run: the longest start, as many as there is room
 * for, and each other one once another has ended.
 */
public final class PackPlan {
  /** More lanes than this give nothing more, and are lost together with their machine. */
  static final int MOST_LANES = 16;

  private PackPlan() {}

  /**
   * Groups trials.
   *
   * @param pending longest first
   * @param mostLanes of a pack; empty for as many as serve
   * @param slots that are to have work
   * @return packs, longest first; a trial that trains alone is a pack of one
   */
  public static List<List<PlannedTrial>> of(
      List<PlannedTrial> pending, Forecast forecast, OptionalInt mostLanes, int slots) {
    if (mostLanes.orElse(2) == 1) {
      return pending.stream().map(List::of).toList();
    }
    Map<Object, List<PlannedTrial>> groups = new LinkedHashMap<>();
    for (PlannedTrial trial : pending) {
      Forecast.Size size = forecast.of(trial.trial());
      Object key = size.base() == null ? trial.id() : size.base();
      groups.computeIfAbsent(key, k -> new ArrayList<>()).add(trial);
    }
    List<List<PlannedTrial>> packs = new ArrayList<>();
    int most = mostLanes.orElse(MOST_LANES);
    groups.values().forEach(group -> packs.addAll(dealt(group, most, slots)));
    packs.sort((a, b) -> Double.compare(seconds(b), seconds(a)));
    return packs;
  }

  /** Deals trials out, the longest first and each to the pack with the least work so far. */
  private static List<List<PlannedTrial>> dealt(List<PlannedTrial> group, int most, int slots) {
    int full = (group.size() + most - 1) / most;
    // As many as the slots come to an end with together.
    int count = Math.min(group.size(), (full + slots - 1) / slots * slots);
    List<List<PlannedTrial>> packs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      packs.add(new ArrayList<>());
    }
    for (PlannedTrial trial : group) {
      packs.stream()
          .filter(pack -> pack.size() < most)
          .min(Comparator.comparingDouble(PackPlan::seconds))
          .orElseThrow()
          .add(trial);
    }
    return packs;
  }

  private static double seconds(List<PlannedTrial> pack) {
    return pack.stream().mapToDouble(PlannedTrial::seconds).sum();
  }
}
