package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.peftsweep.stats.Looks;
import org.peftsweep.stats.Race;

/**
 * Recipes that further seeds should tell apart: on each task those that may still be the best by a
 * test that stands repeated looks, and are not as good as equal to all others that may.
 *
 * @param open by task, the runs of each such recipe
 * @param best by task, the titles of the recipes that may be the best
 */
public record Undecided(Map<String, List<List<String>>> open, Map<String, List<String>> best) {
  /** One point of a score × 100: recipes that are this close are equal. */
  public static final double MARGIN = 0.01;

  /**
   * Looks at the rows as they are.
   *
   * @param trials rows of the table of that name
   * @param predictions the same
   */
  public static Undecided of(
      Dataset<Row> trials, Dataset<Row> predictions, Collection<String> tasks) {
    Results results = Results.of(trials, List.copyOf(tasks));
    Comparisons comparisons = Comparisons.ofScores(results, predictions, Looks.REPEATED);
    Map<String, List<List<String>>> open = new LinkedHashMap<>();
    Map<String, List<String>> best = new LinkedHashMap<>();
    for (String task : results.tasks()) {
      // One whose training breaks is no candidate, whatever its other seeds score.
      List<Line> lines = results.lines(task).stream().filter(line -> line.isWhole(task)).toList();
      Race race =
          Race.of(
              lines.size(),
              (i, j) -> comparisons.difference(task, lines.get(i), lines.get(j)).orElse(null),
              MARGIN);
      List<List<String>> ids = new ArrayList<>();
      List<String> labels = new ArrayList<>();
      for (int i = 0; i < lines.size(); i++) {
        if (race.isOpen()[i]) {
          ids.add(lines.get(i).runs(task).stream().map(Run::id).toList());
        }
        if (!race.isOut()[i]) {
          labels.add(results.label(lines.get(i)));
        }
      }
      open.put(task, ids);
      best.put(task, labels);
    }
    return new Undecided(open, best);
  }

  /** Whether nothing is left to be told apart. */
  public boolean isDecided() {
    return open.values().stream().allMatch(List::isEmpty);
  }

  /** Returns the number of recipes on all tasks that are not told apart. */
  public int count() {
    return open.values().stream().mapToInt(List::size).sum();
  }

  /** Says of each task what may be the best. */
  public String text() {
    return best.entrySet().stream()
        .filter(task -> !task.getValue().isEmpty())
        .map(
            task ->
                "On "
                    + task.getKey()
                    + (task.getValue().size() == 1
                        ? " the best is " + task.getValue().get(0)
                        : (open.get(task.getKey()).isEmpty()
                                ? " as good as equal, within a point, and ahead of all others are "
                                : " the best is one of ")
                            + String.join(", ", task.getValue())))
        .collect(Collectors.joining(". ", "", "."));
  }
}
