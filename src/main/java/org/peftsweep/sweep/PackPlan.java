package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.peftsweep.train.PackRun;

/**
 * Which trials of a plan train together: those that have a base in common, longest first, so that
 * the trials of a pack end at about the same time and every slot has work.
 *
 * <p>Whether a pack's memory is there is known where it runs; a trial for which it is not trains
 * after the others.
 */
public final class PackPlan {
  /** More lanes than this give nothing more, and are lost together with their machine. */
  private static final int MOST_LANES = 16;

  private PackPlan() {}

  /**
   * Groups trials.
   *
   * @param pending longest first
   * @param mostLanes of a pack; empty for as many as make its passes faster
   * @param slots that are to have work
   * @return packs, longest first; a trial that trains alone is a pack of one
   */
  public static List<List<PlannedTrial>> of(
      List<PlannedTrial> pending, Forecast forecast, OptionalInt mostLanes, int slots) {
    if (mostLanes.orElse(2) == 1) {
      return pending.stream().map(List::of).toList();
    }
    Map<Object, List<PlannedTrial>> groups = new LinkedHashMap<>();
    Map<Object, Double> rows = new LinkedHashMap<>();
    for (PlannedTrial trial : pending) {
      Forecast.Size size = forecast.of(trial.trial());
      Object key = size.base() == null ? trial.id() : size.base();
      groups.computeIfAbsent(key, k -> new ArrayList<>()).add(trial);
      rows.merge(key, size.rows(), Math::max);
    }
    List<List<PlannedTrial>> packs = new ArrayList<>();
    groups.forEach(
        (key, group) -> {
          int most = mostLanes.orElseGet(() -> lanes(rows.get(key)));
          int lanes = Math.max(1, Math.min(most, (group.size() + slots - 1) / slots));
          for (int from = 0; from < group.size(); from += lanes) {
            packs.add(List.copyOf(group.subList(from, Math.min(group.size(), from + lanes))));
          }
        });
    packs.sort((a, b) -> Double.compare(seconds(b), seconds(a)));
    return packs;
  }

  /** Returns how many batches of so many rows one pass has room for. */
  private static int lanes(double rows) {
    return (int) Math.max(1, Math.min(MOST_LANES, PackRun.MOST_ROWS / Math.max(1, rows)));
  }

  private static double seconds(List<PlannedTrial> pack) {
    return pack.stream().mapToDouble(PlannedTrial::seconds).sum();
  }
}
