package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Which trials of a plan train together: those that have a base in common, longest first, so that
 * every slot has work.
 *
 * <p>What memory they need is known where they run: the longest start, as many as there is room
 * for, and each other one once another has ended.
 */
public final class PackPlan {
  /** More lanes than this give nothing more, and are lost together with their machine. */
  private static final int MOST_LANES = 16;

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
    groups.forEach(
        (key, group) -> {
          int most = mostLanes.orElse(MOST_LANES);
          int lanes = Math.max(1, Math.min(most, (group.size() + slots - 1) / slots));
          for (int from = 0; from < group.size(); from += lanes) {
            packs.add(List.copyOf(group.subList(from, Math.min(group.size(), from + lanes))));
          }
        });
    packs.sort((a, b) -> Double.compare(seconds(b), seconds(a)));
    return packs;
  }

  private static double seconds(List<PlannedTrial> pack) {
    return pack.stream().mapToDouble(PlannedTrial::seconds).sum();
  }
}
