package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.peftsweep.stats.Interval;
import org.peftsweep.stats.TieGroups;

/**
 * Recipes that differ in the rates of value and of query and key alone, two or more of both: a grid
 * as in Figures 1 and 2 of arXiv:2410.02247.
 *
 * @param lines that have a score on every task
 */
record RateGrid(List<Line> lines) {
  private static final List<String> RATES = List.of("ratio", "learning_rate", "head_learning_rate");

  /** Returns the grids of a sweep. */
  static List<RateGrid> of(Results results) {
    Map<Map<String, Object>, List<Line>> grids = new LinkedHashMap<>();
    for (Line line : results.lines()) {
      if (line.targets() != null
          && results.scoredTasks().stream().allMatch(task -> line.scores(task).length > 0)) {
        Map<String, Object> others = new LinkedHashMap<>(line.settings());
        others.keySet().removeAll(RATES);
        grids.computeIfAbsent(others, key -> new ArrayList<>()).add(line);
      }
    }
    return grids.values().stream()
        .filter(
            lines ->
                lines.stream().mapToDouble(Line::learningRate).distinct().count() > 1
                    && lines.stream().mapToDouble(Line::valueLearningRate).distinct().count() > 1)
        .map(RateGrid::new)
        .toList();
  }

  /**
   * Returns the best recipe with η_V > η_QK and the best of the others, by the mean over tasks of
   * the answers that are compared; empty where one of the two sides is.
   */
  Optional<Line[]> sides(Comparisons comparisons) {
    return best(comparisons, true)
        .flatMap(larger -> best(comparisons, false).map(other -> new Line[] {larger, other}));
  }

  private Optional<Line> best(Comparisons comparisons, boolean isValueLarger) {
    Stream<Line> side =
        lines.stream()
            .filter(line -> line.valueLearningRate() > line.learningRate() == isValueLarger)
            .filter(line -> comparisons.difference(line, lines.get(0)).isPresent());
    return side.max(
        Comparator.comparingDouble(
            line ->
                TieGroups.ranked(
                    comparisons
                        .difference(line, lines.get(0))
                        .map(Interval::value)
                        .orElseThrow())));
  }
}
