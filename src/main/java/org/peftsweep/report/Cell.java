package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.peftsweep.spec.Axes;

/**
 * The runs of one task that differ in their seeds alone: those of a line of the table, and the
 * tuning trials of the same recipe.
 *
 * @param axes every setting of theirs, as sweep files name and write it
 * @param beside what else tells them from other lines, by column: the version of the method, the
 *     data; nothing where it is the same for all
 * @param runs evaluations and tuning trials, copies left out
 */
record Cell(SortedMap<String, String> axes, Map<String, Object> beside, List<Run> runs) {
  static final String LEARNING_RATE = "learning-rate";
  static final String METHOD = "method";

  /** Returns the cells of a task. */
  static List<Cell> of(Results results, String task) {
    Map<List<Object>, Cell> cells = new LinkedHashMap<>();
    results.runs().stream()
        .filter(run -> run.task().equals(task) && run.copy() == 0 && !run.axes().isEmpty())
        .forEach(
            run ->
                cells
                    .computeIfAbsent(
                        List.of(run.axes(), results.key(run)),
                        key -> new Cell(run.axes(), results.besideAxes(run), new ArrayList<>()))
                    .runs()
                    .add(run));
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
    return scores(runs);
  }

  /** Returns the same of some runs. */
  static SortedMap<Long, Double> scores(List<Run> runs) {
    return runs.stream()
        .filter(Run::isScored)
        .collect(
            Collectors.groupingBy(Run::seed, TreeMap::new, Collectors.averagingDouble(Run::score)));
  }

  /** Whether a seed of it ended without a score by the recipe's own fault. */
  boolean broke() {
    return runs.stream().anyMatch(run -> run.isEvaluation() && !run.isScored() && run.broke());
  }

  /** One that was read is itself alone: what it holds is long to compare. */
  @Override
  public boolean equals(Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
