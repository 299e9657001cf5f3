package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;

/**
 * Where the numbers of a report's sections come from: queries that anyone can ask again. A query
 * and the number of its rows are made of one condition.
 *
 * @param where a condition on rows of the view of trials, which holds of those of the report alone
 * @param trials rows of its trials, as they were when the report was made
 * @param predictions rows of their predictions, and maybe others
 */
record Source(String where, Dataset<Row> trials, Dataset<Row> predictions) {
  private static final String IS_EVALUATION =
      "coalesce(phase, 'evaluation') = 'evaluation' AND coalesce(copy, 0) = 0";

  private static final String IS_SCORED = "status = 'finished' AND " + IS_EVALUATION;

  private static final String IS_TUNING = "phase = 'tuning'";

  /** What every query tells of a trial. */
  private static final List<String> RECIPE =
      List.of("id", "method_label", "targets", "rank", "ratio", "learning_rate", "task", "seed");

  /** A query and the number of its rows. */
  record Query(String sql, long rows) {}

  /**
   * Makes the source of a report.
   *
   * @param tables of these folders
   * @param trials those of them that are in the report
   * @param runs the same
   */
  static Source of(
      List<ResultFolder> folders, ResultTables tables, Dataset<Row> trials, List<Run> runs) {
    return new Source(where(folders, tables.sweeps(), runs), trials, tables.predictions());
  }

  /**
   * Says which rows they are: all of these sweeps, or where there are others too, those with or
   * without some ids. Of a trial that two sweeps have, only that which was read.
   */
  private static String where(List<ResultFolder> folders, List<String> sweeps, List<Run> runs) {
    Map<String, Set<String>> all = new TreeMap<>();
    Map<String, Set<String>> own = new TreeMap<>();
    IntStream.range(0, folders.size())
        .forEach(
            i -> {
              String name = folders.get(i).sweep();
              all.computeIfAbsent(name, key -> new TreeSet<>())
                  .addAll(folders.get(i).trials().keySet());
              runs.stream()
                  .filter(
                      run ->
                          folders.size() == 1
                              || sweeps.get(i).equals(run.settings().get(Results.SWEEP)))
                  .forEach(run -> own.computeIfAbsent(name, key -> new TreeSet<>()).add(run.id()));
            });
    List<String> whole = new ArrayList<>();
    List<String> parts = new ArrayList<>();
    all.forEach(
        (name, ids) -> {
          Set<String> read = own.getOrDefault(name, Set.of());
          Set<String> others = new TreeSet<>(ids);
          others.removeAll(read);
          if (others.isEmpty()) {
            whole.add(name);
          } else {
            parts.add(
                "(sweep = '"
                    + name
                    + "' AND id "
                    + (others.size() <= read.size()
                        ? "NOT IN (" + quoted(others)
                        : "IN (" + (read.isEmpty() ? "''" : quoted(read)))
                    + "))");
          }
        });
    if (whole.size() == 1) {
      parts.add(0, "sweep = " + quoted(whole));
    } else if (!whole.isEmpty()) {
      parts.add(0, "sweep IN (" + quoted(whole) + ")");
    }
    return parts.size() == 1 ? parts.get(0) : "(" + String.join(" OR ", parts) + ")";
  }

  private static String quoted(Collection<String> texts) {
    return texts.stream()
        .map(text -> "'" + text.replace("'", "\\'") + "'")
        .collect(Collectors.joining(", "));
  }

  Section section(String id, String title, String note, TextTable table, Query query) {
    return new Section(id, title, note, table, query.sql(), query.rows());
  }

  /**
   * Finished evaluations.
   *
   * @param extras settings that tell recipes apart besides the common ones
   */
  Query scores(List<String> extras) {
    return query(
        Stream.of(RECIPE, List.of("score", "trainable_parameters"), extras)
            .flatMap(List::stream)
            .toList(),
        IS_SCORED);
  }

  /** The same, and those that ended without a score. */
  Query evaluations(List<String> extras) {
    return query(
        Stream.of(RECIPE, List.of("status", "score", "trainable_parameters"), extras)
            .flatMap(List::stream)
            .toList(),
        "status <> 'stopped' AND " + IS_EVALUATION);
  }

  /** What statements are judged by: choices among rates go by validation scores. */
  Query claims() {
    return query(
        with("phase", "status", "steps", "validation_score", "score", "trial"),
        "coalesce(copy, 0) = 0");
  }

  /** Scores by both rates. */
  Query rates() {
    return query(with("value_learning_rate", "score"), IS_SCORED);
  }

  Query predictionRows() {
    List<String> ids =
        trials.where(IS_SCORED).select("id").collectAsList().stream()
            .map(row -> row.getString(0))
            .toList();
    return new Query(
        "SELECT * FROM predictions " + ofTrials(IS_SCORED),
        predictions.where(functions.col("id").isInCollection(ids)).count());
  }

  /** Returns the query of all learning curves. */
  String curves() {
    return "SELECT id, step, train_loss, validation_score, score FROM curves "
        + ofTrials("true")
        + " ORDER BY id, step";
  }

  private String ofTrials(String condition) {
    return "LEFT SEMI JOIN (SELECT sweep, id FROM trials WHERE "
        + where
        + " AND "
        + condition
        + ") USING (sweep, id)";
  }

  Query copies() {
    return query(
        with("copy", "score"),
        "status = 'finished' AND coalesce(phase, 'evaluation') = 'evaluation'");
  }

  /** Validation scores of settings that were tried, by the tuning trials if there are any. */
  Query budget(boolean tuned) {
    return query(
        with("title", "validation_score", "trainable_parameters"),
        tuned ? IS_TUNING + " AND status = 'finished'" : IS_SCORED);
  }

  /** All that held a slot: tuning, what was stopped, and evaluations. */
  Query effort() {
    return query(
        with(
            "title",
            "phase",
            "status",
            "steps",
            "validation_score",
            "score",
            "started_at",
            "finished_at",
            "pack",
            "train_seconds",
            "evaluate_seconds"),
        IS_TUNING + " OR status = 'stopped' OR " + IS_SCORED);
  }

  Query costs() {
    return query(
        with(
            "score",
            "trainable_parameters",
            "peak_bytes",
            "train_seconds",
            "retention_loss_increase",
            "processor",
            "device",
            "backend",
            "threads",
            "java_version",
            "nd4j_version",
            "revision",
            "pack"),
        IS_SCORED);
  }

  Query retention() {
    return query(
        with(
            "score",
            "retention",
            "retention_loss_before",
            "retention_loss_after",
            "retention_loss_increase"),
        IS_SCORED + " AND retention_loss_increase IS NOT NULL");
  }

  /** What was tried, and how far each went. */
  Query search(boolean tunes) {
    return query(
        with("title", "status", "rung", "reason", "steps", "validation_score"),
        tunes ? IS_TUNING : "coalesce(phase, 'evaluation') = 'evaluation'");
  }

  Query failures() {
    return query(
        List.of("id", "title", "status", "reason"),
        "status NOT IN ('finished', 'stopped') OR " + ResultTables.IS_UNDEFINED);
  }

  private static List<String> with(String... columns) {
    return Stream.concat(RECIPE.stream(), Arrays.stream(columns)).toList();
  }

  private Query query(List<String> columns, String condition) {
    return new Query(
        "SELECT "
            + columns.stream()
                .filter(List.of(trials.columns())::contains)
                .distinct()
                .collect(Collectors.joining(", "))
            + " FROM trials WHERE "
            + where
            + " AND ("
            + condition
            + ")",
        trials.where(condition).count());
  }
}
