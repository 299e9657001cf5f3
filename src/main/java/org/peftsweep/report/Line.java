package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.commons.math3.stat.StatUtils;

/**
 * A recipe of a sweep and its finished evaluations: a line of the benchmark's table.
 *
 * @param settings method, targets, rank, ratio, and whatever else differs within the sweep
 * @param runs by task, seeds ascending
 */
record Line(Map<String, Object> settings, SortedMap<String, List<Run>> runs) {
  Object of(String setting) {
    return settings.get(setting);
  }

  String method() {
    return (String) of("method");
  }

  String targets() {
    return (String) of("targets");
  }

  Integer rank() {
    return (Integer) of("rank");
  }

  Double ratio() {
    return (Double) of("ratio");
  }

  /** Returns η of query and key on a task that it was run on. */
  double learningRate(String task) {
    return (Double) runs(task).get(0).settings().get("learning_rate");
  }

  /** Returns η_V on a task that it was run on. */
  double valueLearningRate(String task) {
    // Rates in the file are short decimals, so 1e-4 × 2 is written as 2e-4 again.
    return Double.parseDouble(String.format(Locale.ROOT, "%.6e", learningRate(task) * ratio()));
  }

  List<Run> runs(String task) {
    return runs.getOrDefault(task, List.of());
  }

  /** Returns the scores of a task by seed, of the seeds that have one. */
  SortedMap<Long, Double> seeds(String task) {
    return runs(task).stream()
        .filter(Run::isScored)
        .collect(
            Collectors.groupingBy(Run::seed, TreeMap::new, Collectors.averagingDouble(Run::score)));
  }

  /** Returns these scores, seeds ascending. */
  double[] scores(String task) {
    return seeds(task).values().stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** Returns how many seeds of a task ended without a score, by how they ended. */
  SortedMap<String, Long> lost(String task) {
    return runs(task).stream()
        .filter(run -> !run.isScored())
        .collect(Collectors.groupingBy(Run::ending, TreeMap::new, Collectors.counting()));
  }

  /** Whether every seed of a task that ended has a score, and there is one. */
  boolean isWhole(String task) {
    return !runs(task).isEmpty() && lost(task).isEmpty();
  }

  /**
   * Says how many seeds the score is of where some have none: {@code 3 of 4 seeds; 1 collapsed}.
   */
  String lostText(String task) {
    if (lost(task).isEmpty()) {
      return "";
    }
    int all = runs(task).size();
    return (all - lost(task).values().stream().mapToLong(Long::longValue).sum())
        + " of "
        + all
        + (all == 1 ? " seed" : " seeds")
        + lost(task).entrySet().stream()
            .map(ending -> "; " + ending.getValue() + " " + ending.getKey())
            .collect(Collectors.joining());
  }

  /** Returns the mean over the seeds that have a score; NaN where there is none. */
  double mean(String task) {
    return StatUtils.mean(scores(task));
  }

  /** Returns the different numbers of scalars that learn; more than one where tasks differ. */
  SortedSet<Long> trainable() {
    return runs.values().stream()
        .flatMap(List::stream)
        .map(Run::trainable)
        .filter(Objects::nonNull)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  String trainableText() {
    return trainable().isEmpty()
        ? Figures.MISSING
        : trainable().stream().map(Figures::scalars).distinct().collect(Collectors.joining("/"));
  }

  String ratioText() {
    return targets() == null ? Figures.MISSING : Figures.text(ratio());
  }

  /** Returns the recipe in one line: {@code LoRA QV r=8 λ=4}. */
  String label(List<String> extras) {
    List<String> words = new ArrayList<>(List.of((String) of("method_label")));
    if (targets() != null) {
      words.add(Figures.targets(targets()));
    }
    if (rank() != null) {
      words.add("r=" + rank());
    }
    if (targets() != null) {
      words.add("λ=" + ratioText());
    }
    // Settings of other methods and optimizers say nothing of this one.
    extras.stream()
        .filter(extra -> of(extra) != null)
        .forEach(extra -> words.add(extra + "=" + Figures.text(of(extra))));
    return String.join(" ", words);
  }
}
