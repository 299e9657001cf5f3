package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.peftsweep.stats.PooledDeviation;

/**
 * How far scores of one recipe lie apart that differ in their seeds alone, on a task and base.
 *
 * @param sweeps that measured it
 * @param pooled standard deviation of a seed, over recipes
 * @param recipes with two seeds or more
 * @param seeds of all of them together
 */
record SeedNoise(Set<String> sweeps, PooledDeviation pooled, int recipes, int seeds) {
  private static final List<String> BASE = List.of("data_hash", "model_hash", "metric");

  /**
   * Pools what runs tell of a task.
   *
   * @param like a run on the same data and base
   * @param runs of any sweeps
   */
  static Optional<SeedNoise> of(Run like, Collection<Run> runs) {
    Map<List<Object>, List<Run>> recipes = new LinkedHashMap<>();
    for (Run run : runs) {
      if (run.isScored() && isOfSameBase(like, run)) {
        recipes.computeIfAbsent(Results.recipe(run), key -> new ArrayList<>()).add(run);
      }
    }
    Set<String> names = new TreeSet<>();
    List<double[]> counted = new ArrayList<>();
    for (List<Run> recipe : recipes.values()) {
      double[] scores = Cell.scores(recipe).values().stream().mapToDouble(s -> s).toArray();
      if (scores.length > 1) {
        counted.add(scores);
        recipe.forEach(run -> names.add(String.valueOf(run.settings().get("sweep"))));
      }
    }
    int seeds = counted.stream().mapToInt(scores -> scores.length).sum();
    return PooledDeviation.of(counted)
        .map(pooled -> new SeedNoise(names, pooled, counted.size(), seeds));
  }

  private static boolean isOfSameBase(Run like, Run run) {
    return BASE.stream()
        .allMatch(
            column -> Objects.equals(like.settings().get(column), run.settings().get(column)));
  }

  double deviation() {
    return pooled.deviation();
  }

  /** Returns what two single runs of one recipe differ by at most, in 95 of 100 cases. */
  double floor() {
    return pooled.floor();
  }
}
