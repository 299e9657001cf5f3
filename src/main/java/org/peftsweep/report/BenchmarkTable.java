package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.text.WordUtils;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.peftsweep.model.Role;
import org.peftsweep.report.TextTable.Cell;
import org.peftsweep.spec.Targets;

/**
 * The scores of a sweep in the layout of arXiv:2410.02247, Table 2: a row for each way of
 * fine-tuning, a column for each task.
 *
 * <p>Only seeds are averaged over. A setting that takes several values where method, targets, rank,
 * λ and task are equal gets a column of its own.
 */
public final class BenchmarkTable {
  private static final int TERMINAL_WIDTH = 100;
  private static final String MISSING = "—";
  private static final String PLUS_MINUS = " ± ";

  private static final List<String> KEY =
      List.of("method", "method_label", "targets", "rank", "ratio");

  /** What else may tell two trials apart. */
  private static final List<String> OTHERS =
      List.of(
          "sweep",
          "model",
          "init",
          "adapter",
          "model_hash",
          "data",
          "data_hash",
          "train_limit",
          "settings",
          "learning_rate",
          "head_learning_rate",
          "grouping",
          "epochs",
          "max_steps",
          "batch",
          "accumulate",
          "max_tokens",
          "schedule",
          "precision",
          "metric",
          "semantics_version");

  private static final List<String> METHOD_ORDER =
      List.of("untrained", "head-only", "full", "lora", "dora");

  /** Mean over the seeds of one configuration on one task. */
  private record Score(String metric, double mean, Double deviation, long seeds) {
    String text() {
      return deviation == null ? percent(mean) : percent(mean) + PLUS_MINUS + percent(deviation);
    }
  }

  /** A configuration's place in the table. */
  private record Line(
      Map<String, Object> settings, Set<Long> trainable, Map<String, Score> scores) {
    Object of(String setting) {
      return settings.get(setting);
    }
  }

  private final List<String> tasks;
  private final List<String> extras;
  private final List<Line> lines;
  private final String caption;

  private BenchmarkTable(
      List<String> tasks, List<String> extras, List<Line> lines, String caption) {
    this.tasks = tasks;
    this.extras = extras;
    this.lines = lines;
    this.caption = caption;
  }

  /**
   * Computes the table.
   *
   * @param trials rows of the table of that name
   * @param taskOrder tasks in the order of the columns; others follow by name
   */
  public static BenchmarkTable of(Dataset<Row> trials, List<String> taskOrder) {
    List<Row> groups = groups(trials);
    List<Row> scored =
        groups.stream().filter(row -> row.<String>getAs("status").equals("finished")).toList();
    List<String> extras = extras(scored);
    List<Line> lines = lines(scored, extras);
    Set<String> names = new TreeSet<>();
    lines.forEach(line -> names.addAll(line.scores().keySet()));
    List<String> tasks =
        Stream.concat(taskOrder.stream().filter(names::contains), names.stream())
            .distinct()
            .toList();
    return new BenchmarkTable(tasks, extras, lines, caption(groups, lines, tasks));
  }

  /** Returns the table and its caption as Markdown; the best score of a task is bold. */
  public String markdown() {
    return table().markdown() + "\n" + caption + "\n";
  }

  /** Returns the same for a terminal; the best score of a task carries a star. */
  public String text() {
    return table().text() + "\n" + WordUtils.wrap(caption, TERMINAL_WIDTH) + "\n";
  }

  private static List<Row> groups(Dataset<Row> trials) {
    String settings = String.join(", ", OTHERS.stream().map(BenchmarkTable::comparable).toList());
    trials.createOrReplaceTempView("benchmark_trials");
    return trials
        .sparkSession()
        .sql(
            "SELECT method, method_label, targets, rank, ratio, task, status, "
                + String.join(", ", OTHERS)
                + ", avg(score) AS mean, stddev_samp(score) AS deviation, count(score) AS seeds,"
                + " count(*) AS trials, max(trainable_parameters) AS trainable"
                + " FROM (SELECT method, method_label, targets, rank, ratio, task, status, score,"
                + " trainable_parameters, "
                + settings
                + " FROM benchmark_trials) GROUP BY ALL")
        .collectAsList();
  }

  /** A map cannot be grouped by. */
  private static String comparable(String column) {
    return column.equals("settings") ? "to_json(settings) AS settings" : column;
  }

  private static List<String> extras(List<Row> rows) {
    Map<List<Object>, List<Row>> alike = new LinkedHashMap<>();
    for (Row row : rows) {
      List<Object> key = new ArrayList<>(values(row, KEY).values());
      key.add(row.getAs("task"));
      alike.computeIfAbsent(key, k -> new ArrayList<>()).add(row);
    }
    return OTHERS.stream()
        .filter(
            column ->
                alike.values().stream()
                    .anyMatch(
                        group ->
                            group.stream().map(row -> row.getAs(column)).distinct().count() > 1))
        .toList();
  }

  private static List<Line> lines(List<Row> rows, List<String> extras) {
    Map<Map<String, Object>, Line> lines = new LinkedHashMap<>();
    List<String> columns = Stream.concat(KEY.stream(), extras.stream()).toList();
    for (Row row : rows) {
      Line line =
          lines.computeIfAbsent(
              values(row, columns), key -> new Line(key, new TreeSet<>(), new TreeMap<>()));
      if (row.getAs("trainable") != null) {
        line.trainable().add(row.getAs("trainable"));
      }
      if (row.getAs("mean") != null) {
        line.scores()
            .put(
                row.getAs("task"),
                new Score(
                    row.getAs("metric"),
                    row.getAs("mean"),
                    row.getAs("deviation"),
                    row.<Long>getAs("seeds")));
      }
    }
    List<Line> sorted = new ArrayList<>(lines.values());
    sorted.sort(
        Comparator.<Line>comparingInt(line -> block(line))
            .thenComparingInt(line -> rankOf((String) line.of("method")))
            .thenComparing(line -> (String) line.of("method"))
            .thenComparing(line -> text(line.of("targets")))
            .thenComparing(line -> (Integer) line.of("rank"), nullsFirst())
            .thenComparing(line -> (Double) line.of("ratio"), nullsFirst())
            .thenComparing(
                line -> extras.stream().map(extra -> text(line.of(extra))).toList().toString()));
    return sorted;
  }

  /** More matrices come first, and before all what adapts none. */
  private static int block(Line line) {
    String targets = (String) line.of("targets");
    return targets == null ? Integer.MIN_VALUE : -roles(targets);
  }

  private static int roles(String targets) {
    Set<Role> named = Targets.shortNames().get(targets);
    return named == null ? targets.split("\\+").length : named.size();
  }

  private static int rankOf(String method) {
    int place = METHOD_ORDER.indexOf(method);
    return place < 0 ? METHOD_ORDER.size() : place;
  }

  private static <T extends Comparable<T>> Comparator<T> nullsFirst() {
    return Comparator.nullsFirst(Comparator.naturalOrder());
  }

  private static Map<String, Object> values(Row row, List<String> columns) {
    Map<String, Object> values = new LinkedHashMap<>();
    columns.forEach(column -> values.put(column, row.getAs(column)));
    return values;
  }

  private TextTable table() {
    List<String> header = new ArrayList<>(List.of("method", "targets", "rank", "λ", "trainable"));
    List<Boolean> numbers = new ArrayList<>(List.of(false, false, true, true, true));
    extras.forEach(extra -> header.add(extra.replace('_', ' ')));
    extras.forEach(extra -> numbers.add(true));
    header.addAll(tasks);
    tasks.forEach(task -> numbers.add(true));
    Map<String, String> best = new TreeMap<>();
    for (String task : tasks) {
      scores(task)
          .max(Comparator.comparingDouble(Score::mean))
          .ifPresent(score -> best.put(task, percent(score.mean())));
    }
    return new TextTable(header, numbers, lines.stream().map(line -> cells(line, best)).toList());
  }

  private List<Cell> cells(Line line, Map<String, String> best) {
    List<Cell> cells = new ArrayList<>();
    cells.add(Cell.of((String) line.of("method_label")));
    cells.add(Cell.of(label((String) line.of("targets"))));
    cells.add(Cell.of(text(line.of("rank"))));
    cells.add(Cell.of(line.of("targets") == null ? MISSING : text(line.of("ratio"))));
    cells.add(
        Cell.of(
            line.trainable().isEmpty()
                ? MISSING
                : line.trainable().stream()
                    .map(BenchmarkTable::scalars)
                    .distinct()
                    .collect(Collectors.joining("/"))));
    extras.forEach(extra -> cells.add(Cell.of(text(line.of(extra)))));
    for (String task : tasks) {
      Score score = line.scores().get(task);
      cells.add(
          score == null
              ? Cell.of(MISSING)
              : new Cell(score.text(), percent(score.mean()).equals(best.get(task))));
    }
    return cells;
  }

  private Stream<Score> scores(String task) {
    return lines.stream().map(line -> line.scores().get(task)).filter(Objects::nonNull);
  }

  private static String caption(List<Row> groups, List<Line> lines, List<String> tasks) {
    List<Score> scores =
        lines.stream().map(Line::scores).map(Map::values).flatMap(Collection::stream).toList();
    if (scores.isEmpty()) {
      return "No trial is finished.";
    }
    Map<String, Set<String>> metrics = new LinkedHashMap<>();
    for (String task : tasks) {
      for (Line line : lines) {
        Score score = line.scores().get(task);
        if (score != null) {
          metrics.computeIfAbsent(score.metric(), metric -> new TreeSet<>()).add(task);
        }
      }
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
    long least = scores.stream().mapToLong(Score::seeds).min().getAsLong();
    long most = scores.stream().mapToLong(Score::seeds).max().getAsLong();
    text.append(
        most == 1
            ? "One seed."
            : "Mean ± sample standard deviation over "
                + (least == most ? "" + most : least + " to " + most)
                + " seeds.");
    text.append(" Trainable: scalars that learn besides the head.");
    Map<String, Long> others = new TreeMap<>();
    for (Row row : groups) {
      if (!row.<String>getAs("status").equals("finished")) {
        others.merge(row.getAs("status"), row.<Long>getAs("trials"), Long::sum);
      }
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

  private static String percent(double score) {
    return String.format(Locale.ROOT, "%.2f", 100 * score);
  }

  /** As the paper writes them: {@code QKV}; sets without a short name stay as they are. */
  private static String label(String targets) {
    if (targets == null) {
      return MISSING;
    }
    Set<Role> named = Targets.shortNames().get(targets);
    return named == null ? targets : Targets.label(named);
  }

  private static String scalars(long count) {
    if (count < 10_000) {
      return Long.toString(count);
    }
    return count < 1_000_000
        ? String.format(Locale.ROOT, "%.1fK", count / 1e3)
        : String.format(Locale.ROOT, "%.2fM", count / 1e6);
  }

  private static String text(Object value) {
    if (value == null) {
      return MISSING;
    }
    if (value instanceof Double number && number == Math.rint(number) && Math.abs(number) < 1e9) {
      return Long.toString(number.longValue());
    }
    return value.toString();
  }
}
