package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * How far scores of one recipe lie apart that differ in their seeds alone, on a task and base.
 *
 * @param sweeps that measured it
 * @param deviation standard deviation of a seed, pooled over recipes
 * @param recipes with two seeds or more
 * @param seeds of all of them together
 */
record SeedNoise(Set<String> sweeps, double deviation, int recipes, int seeds) {
  private static final List<String> BASE = List.of("data_hash", "model_hash", "metric");

  /**
   * Pools what runs tell of a task.
   *
   * @param like a run on the same data and base
   * @param runs of any sweeps
   */
  static Optional<SeedNoise> of(Run like, Collection<Run> runs) {
    Map<SortedMap<String, String>, SortedMap<Long, Double>> recipes = new LinkedHashMap<>();
    Map<SortedMap<String, String>, Set<String>> sweeps = new LinkedHashMap<>();
    for (Run run : runs) {
      if (run.isScored() && isOfSameBase(like, run)) {
        recipes.computeIfAbsent(run.axes(), key -> new TreeMap<>()).put(run.seed(), run.score());
        sweeps
            .computeIfAbsent(run.axes(), key -> new TreeSet<>())
            .add(String.valueOf(run.settings().get("sweep")));
      }
    }
    double squares = 0;
    int freedom = 0;
    int seeds = 0;
    Set<String> names = new TreeSet<>();
    List<SortedMap<String, String>> counted = new ArrayList<>();
    for (Map.Entry<SortedMap<String, String>, SortedMap<Long, Double>> recipe :
        recipes.entrySet()) {
      Collection<Double> scores = recipe.getValue().values();
      if (scores.size() > 1) {
        double mean = scores.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        squares += scores.stream().mapToDouble(s -> (s - mean) * (s - mean)).sum();
        freedom += scores.size() - 1;
        seeds += scores.size();
        counted.add(recipe.getKey());
        names.addAll(sweeps.get(recipe.getKey()));
      }
    }
    return freedom == 0
        ? Optional.empty()
        : Optional.of(new SeedNoise(names, Math.sqrt(squares / freedom), counted.size(), seeds));
  }

  private static boolean isOfSameBase(Run like, Run run) {
    return BASE.stream()
        .allMatch(
            column -> Objects.equals(like.settings().get(column), run.settings().get(column)));
  }

  /** Returns what two single runs of one recipe differ by at most, in 95 of 100 cases. */
  double floor() {
    return 1.96 * Math.sqrt(2) * deviation;
  }
}
