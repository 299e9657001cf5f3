package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.peftsweep.spec.Axes;

/**
 * The runs of one task that differ in their seeds alone.
 *
 * @param axes every setting of theirs, as sweep files name and write it
 * @param runs evaluations and tuning trials, copies left out
 */
record Cell(SortedMap<String, String> axes, List<Run> runs) {
  static final String LEARNING_RATE = "learning-rate";
  private static final String HEAD_RATE = "head-learning-rate";

  /** Returns the cells of a task. */
  static List<Cell> of(Results results, String task) {
    Map<SortedMap<String, String>, Cell> cells = new LinkedHashMap<>();
    results.runs().stream()
        .filter(run -> run.task().equals(task) && run.copy() == 0 && !run.axes().isEmpty())
        .forEach(
            run -> {
              SortedMap<String, String> axes = new TreeMap<>(run.axes());
              // It follows the other, so that recipes do not differ in two rates.
              if (Objects.equals(axes.get(HEAD_RATE), axes.get(LEARNING_RATE))) {
                axes.remove(HEAD_RATE);
              }
              cells.computeIfAbsent(axes, key -> new Cell(key, new ArrayList<>())).runs().add(run);
            });
    return List.copyOf(cells.values());
  }

  /**
   * Whether a filter takes it: on every axis one of the values, or for numbers one that {@code >1},
   * {@code <1}, {@code >=1} or {@code <=1} holds of.
   */
  boolean is(Map<String, List<String>> filter) {
    return filter.entrySet().stream()
        .allMatch(
            axis ->
                axis.getValue().stream()
                    .anyMatch(value -> matches(axes.get(axis.getKey()), value)));
  }

  private static boolean matches(String own, String asked) {
    if (own == null || asked.isEmpty() || "<>".indexOf(asked.charAt(0)) < 0) {
      return Axes.areSame(own, asked);
    }
    boolean orEqual = asked.startsWith("=", 1);
    try {
      double bound = Double.parseDouble(asked.substring(orEqual ? 2 : 1));
      double number = Double.parseDouble(own);
      return asked.charAt(0) == '>'
          ? number > bound || orEqual && number == bound
          : number < bound || orEqual && number == bound;
    } catch (NumberFormatException e) {
      return false;
    }
  }

  /** Returns the axes without some of them. */
  SortedMap<String, String> without(Collection<String> some) {
    SortedMap<String, String> rest = new TreeMap<>(axes);
    rest.keySet().removeAll(some);
    return rest;
  }

  /** Returns the scores on the reported sets by seed. */
  SortedMap<Long, Double> scores() {
    return runs.stream()
        .filter(Run::isScored)
        .collect(
            Collectors.groupingBy(Run::seed, TreeMap::new, Collectors.averagingDouble(Run::score)));
  }

  /** Whether a seed of it ended without a score by the recipe's own fault. */
  boolean broke() {
    return runs.stream().anyMatch(run -> run.isEvaluation() && !run.isScored() && run.broke());
  }
}
