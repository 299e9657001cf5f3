package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Differences between cells that differ in nothing but chance. */
final class Replicates {
  private Replicates() {}

  /**
   * Returns on a task, for every recipe that has copies, the score of each copy less that of the
   * evaluation in the same place; seeds and copies are put in order and paired.
   */
  static List<Double> of(Results results, String task) {
    Map<String, Map<Integer, List<Run>>> cells = new TreeMap<>();
    results.runs().stream()
        .filter(run -> run.isFinished() && !run.isTuning() && Run.isFinite(run.score()))
        .filter(run -> run.task().equals(task))
        .forEach(
            run ->
                cells
                    .computeIfAbsent(run.settings().toString(), key -> new TreeMap<>())
                    .computeIfAbsent(run.copy(), key -> new ArrayList<>())
                    .add(run));
    List<Double> differences = new ArrayList<>();
    for (Map<Integer, List<Run>> copies : cells.values()) {
      List<Run> originals = copies.getOrDefault(0, List.of());
      copies.forEach(
          (copy, runs) -> {
            for (int i = 0; copy > 0 && i < Math.min(runs.size(), originals.size()); i++) {
              differences.add(runs.get(i).score() - originals.get(i).score());
            }
          });
    }
    return differences;
  }
}
