package org.peftsweep.report;

import java.util.List;
import java.util.stream.Collectors;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.peftsweep.results.ResultTables;

/**
 * Where the numbers of a report's sections come from: queries that anyone can ask again.
 *
 * @param sweeps their names
 * @param trials rows of its trials, as they were when the report was made
 * @param predictions number of its predictions
 */
record Source(List<String> sweeps, Dataset<Row> trials, long predictions) {
  private static final String HAS_NO_SCORE =
      "(status NOT IN ('finished', 'stopped') OR " + ResultTables.IS_UNDEFINED + ")";

  private static final String EVALUATED =
      "coalesce(phase, 'evaluation') = 'evaluation' AND coalesce(copy, 0) = 0";

  /** A query and the number of its rows. */
  record Query(String sql, long rows) {}

  Section section(String id, String title, String note, TextTable table, Query query) {
    return new Section(id, title, note, table, query.sql(), query.rows());
  }

  Query scores() {
    return query(
        "SELECT id, method_label, targets, rank, ratio, task, seed, score, trainable_parameters"
            + " FROM trials WHERE sweep %s AND status = 'finished' AND "
            + EVALUATED,
        "status = 'finished' AND " + EVALUATED);
  }

  Query predictionRows() {
    return new Query(
        String.format(
            "SELECT p.* FROM predictions p JOIN trials t ON p.sweep = t.sweep AND p.id = t.id"
                + " WHERE p.sweep %s AND "
                + EVALUATED,
            condition()),
        predictions);
  }

  Query copies() {
    String isScored = "status = 'finished' AND coalesce(phase, 'evaluation') = 'evaluation'";
    return query(
        "SELECT method, targets, rank, ratio, task, seed, copy, score FROM trials"
            + " WHERE sweep %s AND "
            + isScored
            + " ORDER BY method, targets, rank, ratio, task, copy, seed",
        isScored);
  }

  Query tuning() {
    return query(
        "SELECT id, title, status, validation_score, started_at, finished_at FROM trials"
            + " WHERE sweep %s AND phase = 'tuning'",
        "phase = 'tuning'");
  }

  Query costs() {
    return query(
        "SELECT id, title, task, score, train_seconds, peak_bytes, processor, device, backend,"
            + " threads, java_version, nd4j_version, revision, pack IS NOT NULL AS packed FROM trials"
            + " WHERE sweep %s AND status = 'finished' AND "
            + EVALUATED,
        "status = 'finished' AND " + EVALUATED);
  }

  Query retention() {
    String isMeasured =
        "status = 'finished' AND retention_loss_increase IS NOT NULL AND " + EVALUATED;
    return query(
        "SELECT id, title, task, seed, score, retention, retention_loss_before,"
            + " retention_loss_after, retention_loss_increase FROM trials WHERE sweep %s AND "
            + isMeasured,
        isMeasured);
  }

  Query stopped() {
    return query(
        "SELECT id, title, task, status, rung, reason, steps FROM trials WHERE sweep %s"
            + " AND status = 'stopped'",
        "status = 'stopped'");
  }

  Query failures() {
    return query(
        "SELECT id, title, status, reason FROM trials" + " WHERE sweep %s AND " + HAS_NO_SCORE,
        HAS_NO_SCORE);
  }

  /** Returns what holds of the column sweep. */
  String condition() {
    String names = sweeps.stream().map(name -> "'" + name + "'").collect(Collectors.joining(", "));
    return sweeps.size() == 1 ? "= " + names : "IN (" + names + ")";
  }

  private Query query(String sql, String condition) {
    return new Query(String.format(sql, condition()), trials.where(condition).count());
  }
}
