package org.peftsweep.report;

import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.peftsweep.model.Role;
import org.peftsweep.spec.Axes;
import org.peftsweep.spec.SpecException;
import org.peftsweep.spec.Targets;
import org.peftsweep.spec.TrainSample;
import org.peftsweep.spec.Training;
import org.peftsweep.spec.Trial;

/**
 * The rows of a sweep, put together into recipes.
 *
 * <p>Only seeds are averaged over. A setting that takes several values where method, targets, rank,
 * λ and task are equal belongs to the recipe and gets a column of its own, an "extra".
 *
 * @param tasks in the order of the sweep file
 * @param extras columns of other settings that differ
 * @param lines in the order of the benchmark's table
 * @param runs every row, of whatever status
 */
record Results(List<String> tasks, List<String> extras, List<Line> lines, List<Run> runs) {
  private static final List<String> KEY =
      List.of("method", "method_label", "targets", "rank", "ratio");

  static final String SWEEP = "sweep";

  /** The column with the version of the method. */
  static final String VERSION = "semantics_version";

  private static final String RATE = "learning_rate";

  /** What the columns do not say of a trial: all of it but the seed, as a hash. */
  private static final String RECIPE = "recipe";

  /** What else may tell two trials apart. */
  private static final List<String> COLUMNS =
      List.of(
          "model",
          "init",
          "adapter",
          "model_hash",
          "data",
          "data_hash",
          "train_limit",
          "settings",
          RATE,
          "head_learning_rate",
          "grouping",
          "metric",
          VERSION);

  /** Those of them that no axis of a sweep file is. */
  private static final List<String> BESIDE_AXES =
      List.of(SWEEP, "model", "model_hash", "data", "data_hash", "train_limit", "metric", VERSION);

  private static final String LAYERS = "layers";
  private static final String WEIGHTS = "weights";

  /** The same, as the trial's JSON has it: rows may be older than a column. */
  private static final List<String> OF_TRIAL =
      Stream.of(
              List.of(LAYERS, WEIGHTS),
              List.copyOf(TrainSample.WHOLE.byKey().keySet()),
              Training.keys())
          .flatMap(List::stream)
          .map(Results::column)
          .toList();

  private static final List<String> OTHERS =
      Stream.concat(COLUMNS.stream(), OF_TRIAL.stream()).toList();

  /** What decides how long the same work takes. */
  private static final List<String> FINGERPRINT =
      List.of(
          "processor", "device", "backend", "threads", "java_version", "nd4j_version", "revision");

  private static final List<String> METHOD_ORDER =
      List.of("untrained", "head-only", "full", "lora", "dora");

  /**
   * Reads all rows of a sweep.
   *
   * @param trials rows of the table of that name
   * @param taskOrder tasks in the order of the columns; others follow by name
   */
  static Results of(Dataset<Row> trials, List<String> taskOrder) {
    return of(runs(trials), taskOrder);
  }

  /** Puts runs together that were read before. */
  static Results of(List<Run> runs, List<String> taskOrder) {
    List<Run> evaluations = runs.stream().filter(Run::isEvaluation).toList();
    List<String> extras = extras(evaluations);
    List<Line> lines = lines(evaluations, extras);
    Set<String> names = new TreeSet<>();
    evaluations.stream().map(Run::task).forEach(names::add);
    List<String> tasks =
        Stream.concat(taskOrder.stream().filter(names::contains), names.stream())
            .distinct()
            .toList();
    return new Results(tasks, extras, lines, runs);
  }

  /** Reads the rows of one or several sweeps, by title. */
  static List<Run> runs(Dataset<Row> trials) {
    // A map can neither be compared nor shown.
    return trials
        .selectExpr("*", "to_json(settings) AS settings_json")
        .drop("settings")
        .withColumnRenamed("settings_json", "settings")
        .collectAsList()
        .stream()
        .map(Results::run)
        .sorted(Comparator.comparing(Run::title).thenComparing(Run::id))
        .toList();
  }

  /** Returns the metric of a task's scores. */
  String metric(String task) {
    return runs.stream()
        .filter(run -> run.isEvaluation() && run.metric() != null && run.task().equals(task))
        .map(Run::metric)
        .distinct()
        .collect(Collectors.joining("/"));
  }

  /** Returns the tasks on which a recipe has a defined score. */
  List<String> scoredTasks() {
    return tasks.stream().filter(task -> !lines(task).isEmpty()).toList();
  }

  /** Returns the lines that have a score on a task. */
  List<Line> lines(String task) {
    return lines.stream().filter(line -> line.scores(task).length > 0).toList();
  }

  /** Returns the number of seeds of the recipe that has most on a task. */
  int seeds(String task) {
    return lines.stream().mapToInt(line -> line.seeds(task).size()).max().orElse(0);
  }

  String label(Line line) {
    return line.label(extras);
  }

  /** Returns what the seeds of a recipe on a task have in common, and no other trial. */
  static List<Object> recipe(Run run) {
    return Arrays.asList(run.settings().get(RECIPE), run.settings().get(VERSION));
  }

  private static Run run(Row row) {
    Map<String, Object> settings = new LinkedHashMap<>();
    Stream.concat(KEY.stream(), COLUMNS.stream())
        .forEach(column -> settings.put(column, row.getAs(column)));
    settings.put(SWEEP, row.getAs(SWEEP));
    settings.putAll(ofTrial(row.getAs("trial")));
    String phase = row.getAs("phase");
    Integer copy = row.getAs("copy");
    return new Run(
        row.getAs("id"),
        row.getAs("title"),
        row.getAs("status"),
        row.getAs("reason"),
        row.getAs("task"),
        row.getAs("metric"),
        settings,
        axes(row.getAs("trial")),
        row.<Long>getAs("seed"),
        // Rows of before there were phases and copies have neither.
        "tuning".equals(phase),
        copy == null ? 0 : copy,
        row.getAs("score"),
        row.getAs("last_score"),
        row.getAs("score_step"),
        row.getAs("steps"),
        row.getAs("validation_score"),
        row.getAs("trainable_parameters"),
        row.getAs("peak_bytes"),
        row.getAs("train_seconds"),
        row.getAs("retention_loss_before"),
        row.getAs("retention_loss_after"),
        slotSeconds(row),
        FINGERPRINT.stream()
                .map(column -> column + " " + Figures.text(row.getAs(column)))
                .collect(Collectors.joining(", "))
            + (row.getAs("pack") == null ? "" : ", packed"));
  }

  /** In a pack the seconds of several trials pass at once: its own are its share. */
  private static double slotSeconds(Row row) {
    if (row.getAs("pack") != null) {
      return row.<Double>getAs("train_seconds") + row.<Double>getAs("evaluate_seconds");
    }
    Instant started = row.<Timestamp>getAs("started_at").toInstant();
    Instant finished = row.<Timestamp>getAs("finished_at").toInstant();
    return Duration.between(started, finished).toNanos() / 1e9;
  }

  /** Returns what the JSON of a trial says of it, by column. */
  static Map<String, Object> ofTrial(String json) {
    Map<String, Object> settings = new LinkedHashMap<>();
    try {
      Trial trial = Trial.fromJson(json);
      settings.put(RECIPE, trial.recipe());
      settings.put(LAYERS, trial.targets().isEmpty() ? null : trial.layers().toString());
      settings.put(WEIGHTS, word(trial.model().weights()));
      Map<String, Object> byKey = new LinkedHashMap<>(trial.training().byKey());
      byKey.putAll(trial.task().sample().byKey());
      byKey.forEach(
          (key, value) ->
              settings.put(
                  column(key), value instanceof Enum<?> constant ? word(constant) : value));
    } catch (SpecException e) {
      // A row of another version of the program.
      settings.put(RECIPE, json);
    }
    return settings;
  }

  /** Returns every setting of a trial, none where another version of the program wrote it. */
  static SortedMap<String, String> axes(String json) {
    try {
      return Axes.of(Trial.fromJson(json));
    } catch (SpecException e) {
      return new TreeMap<>();
    }
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  private static String column(String key) {
    return key.replace('-', '_');
  }

  private static List<String> extras(List<Run> evaluations) {
    List<String> extras = new ArrayList<>(differing(evaluations));
    if (differsBySweepAlone(evaluations, extras)) {
      extras.add(0, SWEEP);
    }
    return extras;
  }

  /** Whether sweeps differ in a setting that no column shows. */
  private static boolean differsBySweepAlone(List<Run> evaluations, List<String> extras) {
    List<String> columns = Stream.concat(KEY.stream(), extras.stream()).toList();
    return evaluations.stream()
        .collect(Collectors.groupingBy(run -> Stream.of(run.task(), values(run, columns)).toList()))
        .values()
        .stream()
        .anyMatch(group -> count(group, SWEEP) > 1 && count(group, RECIPE) > 1);
  }

  private static long count(List<Run> runs, String setting) {
    return runs.stream().map(run -> run.settings().get(setting)).distinct().count();
  }

  private static List<String> differing(List<Run> evaluations) {
    Map<List<Object>, List<Run>> alike = new LinkedHashMap<>();
    for (Run run : evaluations) {
      List<Object> key = new ArrayList<>(values(run, KEY).values());
      key.add(run.task());
      alike.computeIfAbsent(key, k -> new ArrayList<>()).add(run);
    }
    return OTHERS.stream()
        .filter(
            column ->
                alike.values().stream()
                        .anyMatch(
                            group ->
                                group.stream()
                                        .map(run -> Objects.toString(run.settings().get(column)))
                                        .distinct()
                                        .count()
                                    > 1)
                    || column.equals(RATE) && isOfRecipe(evaluations, column))
        .toList();
  }

  /**
   * Whether recipes of one method differ in a setting that each has alike on all tasks. So rates
   * are told that go along with λ or a rank, and one that tuning chose for a method is not.
   */
  private static boolean isOfRecipe(List<Run> evaluations, String column) {
    boolean differs =
        evaluations.stream()
            .collect(Collectors.groupingBy(run -> Objects.toString(run.settings().get("method"))))
            .values()
            .stream()
            .anyMatch(group -> count(group, column) > 1);
    return differs
        && evaluations.stream()
            .collect(Collectors.groupingBy(run -> values(run, KEY)))
            .values()
            .stream()
            .allMatch(group -> count(group, column) == 1);
  }

  /** Returns what tells the line of a run from all others. */
  Map<String, Object> key(Run run) {
    return values(run, Stream.concat(KEY.stream(), extras.stream()).toList());
  }

  /** Returns of what differs here that which is no axis of a sweep file, as a run has it. */
  Map<String, Object> besideAxes(Run run) {
    return values(run, extras.stream().filter(BESIDE_AXES::contains).toList());
  }

  private static List<Line> lines(List<Run> evaluations, List<String> extras) {
    List<String> columns = Stream.concat(KEY.stream(), extras.stream()).toList();
    Map<Map<String, Object>, Line> lines = new LinkedHashMap<>();
    evaluations.stream()
        .sorted(Comparator.comparingLong(Run::seed))
        .forEach(
            run ->
                lines
                    .computeIfAbsent(values(run, columns), key -> new Line(key, new TreeMap<>()))
                    .runs()
                    .computeIfAbsent(run.task(), task -> new ArrayList<>())
                    .add(run));
    return lines.values().stream()
        .sorted(
            Comparator.comparingInt(Results::block)
                .thenComparingInt(line -> rankOf(line.method()))
                .thenComparing(Line::method)
                .thenComparing(line -> Figures.text(line.targets()))
                .thenComparing(Line::rank, Comparator.nullsFirst(Comparator.naturalOrder()))
                .thenComparing(Line::ratio, Comparator.nullsFirst(Comparator.naturalOrder()))
                .thenComparing(line -> line.label(extras)))
        .toList();
  }

  /** More matrices come first, and before all what adapts none. */
  private static int block(Line line) {
    if (line.targets() == null) {
      return Integer.MIN_VALUE;
    }
    Set<Role> named = Targets.shortNames().get(line.targets());
    return -(named == null ? line.targets().split("\\+").length : named.size());
  }

  private static int rankOf(String method) {
    int place = METHOD_ORDER.indexOf(method);
    return place < 0 ? METHOD_ORDER.size() : place;
  }

  private static Map<String, Object> values(Run run, List<String> columns) {
    Map<String, Object> values = new LinkedHashMap<>();
    columns.forEach(column -> values.put(column, run.settings().get(column)));
    return values;
  }
}
