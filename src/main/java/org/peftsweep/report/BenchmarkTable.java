package org.peftsweep.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.commons.text.WordUtils;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.peftsweep.report.TextTable.Cell;
import org.peftsweep.report.TextTable.Mark;
import org.peftsweep.stats.Looks;

/**
 * The scores of a sweep in the layout of arXiv:2410.02247, Table 2: a row for each way of
 * fine-tuning, a column for each task.
 *
 * <p>Only seeds are averaged over; tuning trials and copies do not count. A setting that takes
 * several values where method, targets, rank, λ and task are equal gets a column of its own.
 */
public final class BenchmarkTable {
  static final int TERMINAL_WIDTH = 100;
  private final Results results;
  private final Comparisons comparisons;
  private final Map<String, String> tuning;

  /**
   * Takes what the table shows.
   *
   * @param tuning what the choice of settings cost, by the id of a run with the chosen ones; where
   *     there are any, a column beside each task's score tells it
   */
  BenchmarkTable(Results results, Comparisons comparisons, Map<String, String> tuning) {
    this.results = results;
    this.comparisons = comparisons;
    this.tuning = tuning;
  }

  /**
   * Computes the table.
   *
   * @param trials rows of the table of that name
   * @param taskOrder tasks in the order of the columns; others follow by name
   */
  public static BenchmarkTable of(Dataset<Row> trials, List<String> taskOrder) {
    Results results = Results.of(trials, taskOrder);
    return new BenchmarkTable(results, Comparisons.ofScores(results, Looks.ONCE), Map.of());
  }

  /** Returns the table and its caption as Markdown; the best scores of a task are bold. */
  public String markdown() {
    return table().markdown() + "\n" + caption() + "\n";
  }

  /** Returns the same for a terminal; the best scores of a task carry a star. */
  public String text() {
    return table().text() + "\n" + WordUtils.wrap(caption(), TERMINAL_WIDTH) + "\n";
  }

  /**
   * Returns the table alone. Of each task on which recipes can be ranked those are marked that are
   * not told apart from the best, unless that is all.
   */
  TextTable table() {
    List<String> header = new ArrayList<>(List.of("method", "targets", "rank", "λ", "trainable"));
    List<Boolean> numbers = new ArrayList<>(List.of(false, false, true, true, true));
    results.extras().forEach(extra -> header.add(extra.replace('_', ' ')));
    results.extras().forEach(extra -> numbers.add(true));
    Map<String, List<Line>> best = new LinkedHashMap<>();
    for (String task : results.tasks()) {
      header.add(task);
      numbers.add(true);
      if (!tuning.isEmpty()) {
        header.add(task + ": tuning");
        numbers.add(true);
      }
      List<Line> first = comparisons.best(task);
      best.put(task, first.size() == results.lines(task).size() ? List.of() : first);
    }
    return new TextTable(
        header, numbers, results.lines().stream().map(line -> cells(line, best)).toList());
  }

  private List<Cell> cells(Line line, Map<String, List<Line>> best) {
    List<Cell> cells = new ArrayList<>();
    cells.add(Cell.of((String) line.of("method_label")));
    cells.add(Cell.of(Figures.targets(line.targets())));
    cells.add(Cell.of(Figures.text(line.rank())));
    cells.add(Cell.of(line.ratioText()));
    cells.add(Cell.of(line.trainableText()));
    results.extras().forEach(extra -> cells.add(Cell.of(Figures.text(line.of(extra)))));
    for (String task : results.tasks()) {
      cells.add(new Cell(score(line, task), best.get(task).contains(line) ? Mark.BEST : Mark.NONE));
      if (!tuning.isEmpty()) {
        cells.add(
            Cell.of(
                line.runs(task).stream()
                    .map(run -> tuning.get(run.id()))
                    .filter(Objects::nonNull)
                    .findFirst()
                    .orElse(Figures.MISSING)));
      }
    }
    return cells;
  }

  private String score(Line line, String task) {
    return line.scores(task).length == 0 && !line.runs(task).isEmpty()
        ? String.join(", ", line.lost(task).keySet())
        : comparisons.text(task, line);
  }

  /**
   * Says what the scores are, over how many seeds, how settings were chosen, and what is not there.
   */
  String caption() {
    List<Integer> seeds =
        results.lines().stream()
            .flatMap(line -> results.tasks().stream().map(task -> line.scores(task).length))
            .filter(count -> count > 0)
            .sorted()
            .toList();
    if (seeds.isEmpty()) {
      long undefined = results.runs().stream().filter(Run::isUndefined).count();
      if (undefined > 0) {
        return undefined + " trials are finished, and none has a defined score: " + reasons() + ".";
      }
      long tuned = results.runs().stream().filter(r -> r.isTuning() && r.isFinished()).count();
      return tuned == 0
          ? "No trial is finished."
          : "No evaluation is finished yet; finished tuning trials ("
              + tuned
              + ") have no score on the reported sets.";
    }
    Map<String, Set<String>> metrics = new LinkedHashMap<>();
    for (String task : results.tasks()) {
      metrics.computeIfAbsent(results.metric(task), metric -> new TreeSet<>()).add(task);
    }
    StringBuilder text = new StringBuilder("Scores × 100 on the reported sets: ");
    text.append(
        metrics.size() == 1
            ? metrics.keySet().iterator().next()
            : metrics.entrySet().stream()
                .map(entry -> entry.getKey() + " (" + String.join(", ", entry.getValue()) + ")")
                .collect(Collectors.joining(", ")));
    text.append(
        ", at the step that the validation part of train chose (the last step where a task has no"
            + " such part). ");
    int least = seeds.get(0);
    int most = seeds.get(seeds.size() - 1);
    text.append(
        most == 1
            ? "One seed, so nothing is ranked."
            : "Mean ± half of its 95 % interval over "
                + (least == most ? "" + most : least + " to " + most)
                + " seeds ("
                + (comparisons.looks() == Looks.ONCE
                    ? "Student's t"
                    : "valid although seeds were added until recipes were told apart")
                + "); bold or *: not told apart from the best; no mark where none can be, or all"
                + " are alike."
                + notRanked());
    text.append(" Trainable: scalars that learn besides the head.");
    long choosing = results.runs().stream().filter(Run::isTuning).count();
    if (choosing > 0) {
      text.append(" Settings were chosen on the validation part of train, in ");
      text.append(choosing);
      text.append(" trials with tuning seeds; the reported sets were touched by these evaluations");
      text.append(" only.");
      if (!tuning.isEmpty()) {
        text.append(" Tuning: the trials that chose the settings beside it, and the seconds for");
        text.append(" which they held a slot.");
      }
    }
    Map<String, Long> others = new TreeMap<>();
    results.runs().stream()
        .filter(run -> !run.isFinished() && run.isEvaluation())
        .forEach(run -> others.merge(run.status(), 1L, Long::sum));
    long undefined = results.runs().stream().filter(Run::isUndefined).count();
    if (undefined > 0) {
      text.append(" Finished without a defined score and not ranked: ").append(undefined);
      text.append(" (").append(reasons()).append(").");
    }
    if (!others.isEmpty()) {
      text.append(" Without a score: ");
      text.append(
          others.entrySet().stream()
              .map(entry -> entry.getValue() + " " + entry.getKey())
              .collect(Collectors.joining(", ")));
      text.append(".");
    }
    return text.toString();
  }

  /**
   * Says how many scores have no place among the others, which no mark would say: without two
   * seeds, or with a seed that has no score, the best of all may be among them.
   */
  private String notRanked() {
    long unranked = 0;
    for (String task : results.tasks()) {
      if (comparisons.ranks(task)) {
        unranked +=
            comparisons.places(task, line -> true).stream()
                .filter(place -> place.group() == null)
                .count();
      }
    }
    return unranked == 0
        ? ""
        : " Not ranked, and without a mark however high: "
            + unranked
            + " scores of one seed, or of a recipe with a seed that has none.";
  }

  /** Says why scores are undefined. */
  private String reasons() {
    Set<String> reasons = new TreeSet<>();
    results.runs().stream()
        .filter(Run::isUndefined)
        .map(run -> run.reason() == null ? "the reason was not noted" : run.reason())
        .forEach(reasons::add);
    return String.join("; ", reasons);
  }
}
