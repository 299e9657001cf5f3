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
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.descriptive.moment.StandardDeviation;
import org.apache.commons.text.WordUtils;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.peftsweep.report.TextTable.Cell;

/**
 * The scores of a sweep in the layout of arXiv:2410.02247, Table 2: a row for each way of
 * fine-tuning, a column for each task.
 *
 * <p>Only seeds are averaged over; tuning trials and copies do not count. A setting that takes
 * several values where method, targets, rank, λ and task are equal gets a column of its own.
 */
public final class BenchmarkTable {
  static final int TERMINAL_WIDTH = 100;
  private static final String PLUS_MINUS = " ± ";

  private final Results results;
  private final Map<String, String> tuning;

  /**
   * Takes what the table shows.
   *
   * @param tuning what the choice of settings cost, by the id of a run with the chosen ones; where
   *     there are any, a column beside each task's score tells it
   */
  BenchmarkTable(Results results, Map<String, String> tuning) {
    this.results = results;
    this.tuning = tuning;
  }

  /**
   * Computes the table.
   *
   * @param trials rows of the table of that name
   * @param taskOrder tasks in the order of the columns; others follow by name
   */
  public static BenchmarkTable of(Dataset<Row> trials, List<String> taskOrder) {
    return new BenchmarkTable(Results.of(trials, taskOrder), Map.of());
  }

  /** Returns the table and its caption as Markdown; the best score of a task is bold. */
  public String markdown() {
    return table().markdown() + "\n" + caption() + "\n";
  }

  /** Returns the same for a terminal; the best score of a task carries a star. */
  public String text() {
    return table().text() + "\n" + WordUtils.wrap(caption(), TERMINAL_WIDTH) + "\n";
  }

  /** Returns the table alone, with the best and the second best score of each task marked. */
  TextTable table() {
    List<String> header = new ArrayList<>(List.of("method", "targets", "rank", "λ", "trainable"));
    List<Boolean> numbers = new ArrayList<>(List.of(false, false, true, true, true));
    results.extras().forEach(extra -> header.add(extra.replace('_', ' ')));
    results.extras().forEach(extra -> numbers.add(true));
    Set<Integer> scores = new TreeSet<>();
    for (String task : results.tasks()) {
      scores.add(header.size());
      header.add(task);
      numbers.add(true);
      if (!tuning.isEmpty()) {
        header.add(task + ": tuning");
        numbers.add(true);
      }
    }
    return new TextTable(header, numbers, results.lines().stream().map(this::cells).toList())
        .marked(scores);
  }

  private List<Cell> cells(Line line) {
    List<String> cells = new ArrayList<>();
    cells.add((String) line.of("method_label"));
    cells.add(Figures.targets(line.targets()));
    cells.add(Figures.text(line.rank()));
    cells.add(line.ratioText());
    cells.add(line.trainableText());
    results.extras().forEach(extra -> cells.add(Figures.text(line.of(extra))));
    for (String task : results.tasks()) {
      cells.add(
          line.scores(task).length == 0 && line.undefined(task) > 0
              ? Figures.UNDEFINED
              : score(line.scores(task)));
      if (!tuning.isEmpty()) {
        cells.add(
            line.runs(task).stream()
                .map(run -> tuning.get(run.id()))
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(Figures.MISSING));
      }
    }
    return cells.stream().map(Cell::of).toList();
  }

  private static String score(double[] scores) {
    if (scores.length == 0) {
      return Figures.MISSING;
    }
    double mean = StatUtils.mean(scores);
    return scores.length == 1
        ? Figures.percent(mean)
        : Figures.percent(mean)
            + PLUS_MINUS
            + Figures.percent(new StandardDeviation().evaluate(scores));
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
      return undefined == 0
          ? "No trial is finished."
          : undefined + " trials are finished, and none has a defined score: " + reasons() + ".";
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
            ? "One seed."
            : "Mean ± sample standard deviation over "
                + (least == most ? "" + most : least + " to " + most)
                + " seeds.");
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
        .filter(run -> !run.isFinished())
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
