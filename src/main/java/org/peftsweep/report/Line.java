package org.peftsweep.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.SortedSet;
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

  /** Returns η of query and key; where it differs between tasks, that of the first. */
  double learningRate() {
    return (Double) runs.get(runs.firstKey()).get(0).settings().get("learning_rate");
  }

  /** Returns η_V. */
  double valueLearningRate() {
    // Rates in the file are short decimals, so 1e-4 × 2 is written as 2e-4 again.
    return Double.parseDouble(String.format(Locale.ROOT, "%.6e", learningRate() * ratio()));
  }

  List<Run> runs(String task) {
    return runs.getOrDefault(task, List.of());
  }

  /** Returns the scores of a task, one a seed. */
  double[] scores(String task) {
    return runs(task).stream()
        .map(Run::score)
        .filter(Objects::nonNull)
        .mapToDouble(Double::doubleValue)
        .filter(score -> !Double.isNaN(score))
        .toArray();
  }

  /** Returns how many seeds of a task are finished without a defined score. */
  int undefined(String task) {
    return (int) runs(task).stream().filter(Run::isUndefined).count();
  }

  /** Returns the mean over seeds; NaN where there is none. */
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
    extras.forEach(extra -> words.add(extra + "=" + Figures.text(of(extra))));
    return String.join(" ", words);
  }
}
