package org.peftsweep.sweep;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.TrialFile;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Outcome.Prediction;

/**
 * Compares a stored trial with a fresh outcome, bit for bit: status, then the points of the curve,
 * which hold the scores, then predictions. Times are not compared.
 */
public final class Replay {
  private final List<Row> curve;
  private final List<Row> predictions;
  private final String status;

  private Replay(String status, List<Row> curve, List<Row> predictions) {
    this.status = status;
    this.curve = curve;
    this.predictions = predictions;
  }

  /**
   * Reads what is stored.
   *
   * @param row of the table of trials
   */
  public static Replay of(ResultTables tables, Row row) {
    Column isIts =
        functions
            .col("sweep")
            .equalTo(row.getAs("sweep"))
            .and(functions.col("id").equalTo(row.getAs("id")));
    Dataset<Row> curve = tables.curves().where(isIts).orderBy("step");
    Dataset<Row> predictions =
        tables.predictions().where(isIts).orderBy("evaluation_set", "example");
    return new Replay(row.getAs("status"), curve.collectAsList(), predictions.collectAsList());
  }

  /** Returns the first difference in half a sentence, or nothing where all is equal. */
  public Optional<String> difference(Outcome now) {
    String statusNow = TrialFile.word(now.status());
    if (!statusNow.equals(status)) {
      return Optional.of("status " + status + " is stored, it is " + statusNow + " now");
    }
    List<String> points =
        now.curve().stream()
            .map(
                p ->
                    point(
                        p.step(),
                        p.trainLoss(),
                        p.validationScore(),
                        p.devScore(),
                        p.retentionLoss()))
            .toList();
    List<String> storedPoints =
        curve.stream()
            .map(
                row ->
                    point(
                        row.getAs("step"),
                        row.getAs("train_loss"),
                        row.getAs("validation_score"),
                        row.getAs("score"),
                        row.getAs("retention_loss")))
            .toList();
    List<String> predicted =
        now.predictions().stream()
            .sorted(Comparator.comparing(Prediction::set).thenComparing(Prediction::example))
            .map(p -> prediction(p.set(), p.example(), p.prediction(), p.score()))
            .toList();
    List<String> storedPredictions =
        predictions.stream()
            .map(
                row ->
                    prediction(
                        row.getAs("evaluation_set"),
                        row.getAs("example"),
                        row.getAs("prediction"),
                        row.getAs("probability")))
            .toList();
    return first(storedPoints, points).or(() -> first(storedPredictions, predicted));
  }

  /** Tells what was compared. */
  public String extent() {
    return curve.size() + " points of the curve and " + predictions.size() + " predictions";
  }

  /** The shortest decimal of a number names it bit for bit. */
  private static String point(
      int step, Double loss, Double validation, Double score, Double retention) {
    return "training loss "
        + text(loss)
        + ", validation score "
        + text(validation)
        + ", score "
        + text(score)
        + (retention == null ? "" : ", retention loss " + text(retention))
        + " at step "
        + step;
  }

  /** What is undefined is stored as null, in rows of old as NaN. */
  private static String text(Double number) {
    return number == null || !Double.isFinite(number) ? "undefined" : number.toString();
  }

  private static String prediction(String set, int example, double value, double probability) {
    return "prediction " + value + " with " + probability + " for " + set + " " + example;
  }

  private static Optional<String> first(List<String> stored, List<String> now) {
    for (int i = 0; i < Math.max(stored.size(), now.size()); i++) {
      String was = i < stored.size() ? stored.get(i) : "nothing";
      String is = i < now.size() ? now.get(i) : "nothing";
      if (!was.equals(is)) {
        return Optional.of(was + " is stored, it is " + is + " now");
      }
    }
    return Optional.empty();
  }
}
