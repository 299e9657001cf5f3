package org.peftsweep.results;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.peftsweep.train.Outcome.CurvePoint;

/** All result tables, in the order of the documentation. */
public final class Tables {
  /** See {@link TrialColumns}. */
  public static final Table<TrialRow> TRIALS =
      new Table<>(
          "trials",
          "One row a trial: what was asked, what came out, where and with which software.",
          TrialColumns.all());

  static final Table<CurveRow> CURVES =
      new Table<>(
          "curves",
          "One row an evaluation point of a trial.",
          ofTrial(
              CurveRow::trial,
              Column.required(
                  "step", ColumnType.INT, "optimizer steps so far", r -> r.point().step()),
              Column.required(
                  "epoch", ColumnType.DOUBLE, "passes over train so far", r -> r.point().epoch()),
              Column.optional(
                  "train_loss",
                  ColumnType.DOUBLE,
                  "mean loss of the steps since the evaluation before; null at step 0",
                  r -> TrialColumns.defined(r.point().trainLoss())),
              Column.optional(
                  "validation_score",
                  ColumnType.DOUBLE,
                  "main metric on the validation part, in [-1, 1]",
                  r -> TrialColumns.defined(r.point().validationScore())),
              Column.optional(
                  "score",
                  ColumnType.DOUBLE,
                  "main metric on the reported sets, in [-1, 1]",
                  r -> TrialColumns.defined(r.point().devScore())),
              Column.optional(
                  "metrics",
                  ColumnType.NUMBERS,
                  "every metric of every reported set, such as dev/f1",
                  r -> TrialColumns.defined(r.point().devMetrics())),
              Column.required(
                  "evaluate_seconds",
                  ColumnType.DOUBLE,
                  "wall clock of this evaluation, s",
                  r -> r.point().seconds()),
              Column.optional(
                  "gradient_norm",
                  ColumnType.DOUBLE,
                  "mean norm of the gradient before clipping, over the same steps as train_loss",
                  r -> TrialColumns.defined(r.point().gradientNorm())),
              Column.optional(
                  "retention_loss",
                  ColumnType.DOUBLE,
                  "of the texts of retention at this step, nats a token; null where none was asked"
                      + " for",
                  r -> TrialColumns.defined(r.point().retentionLoss()))));

  static final Table<PredictionRow> PREDICTIONS =
      new Table<>(
          "predictions",
          "One row an example of a reported set, as the model sees it at the step that counts.",
          ofTrial(
              PredictionRow::trial,
              Column.required(
                  "evaluation_set", ColumnType.TEXT, "such as dev", r -> r.prediction().set()),
              Column.required(
                  "example",
                  ColumnType.INT,
                  "place in the set, counted from 0",
                  r -> r.prediction().example()),
              Column.required(
                  "label",
                  ColumnType.DOUBLE,
                  "true class id, or value of a regression",
                  r -> r.prediction().label()),
              Column.required(
                  "prediction",
                  ColumnType.DOUBLE,
                  "predicted class id, or value of a regression",
                  r -> r.prediction().prediction()),
              Column.required(
                  "probability",
                  ColumnType.DOUBLE,
                  "of the predicted class, or the value of a regression",
                  r -> r.prediction().score()),
              Column.optional(
                  "step",
                  ColumnType.INT,
                  "score_step of the trial; null in older rows, which are of its last step",
                  r -> r.trial().selected().map(CurvePoint::step).orElse(null)),
              Column.optional(
                  "outputs",
                  ColumnType.VECTOR,
                  "a logit a class, or the value of a regression; null in older rows",
                  r -> r.prediction().outputs().isEmpty() ? null : r.prediction().outputs())));

  static final Table<LayerRow> LAYERS =
      new Table<>(
          "layers",
          "One row a layer whose score a method noted, of methods that choose layers.",
          ofTrial(
              LayerRow::trial,
              Column.required(
                  "step", ColumnType.INT, "optimizer steps so far", r -> r.score().step()),
              Column.required(
                  "layer", ColumnType.INT, "counted from 0, the lowest", r -> r.score().layer()),
              Column.required(
                  "score",
                  ColumnType.DOUBLE,
                  "the method's own; of ist: high where the layer can be done without",
                  r -> r.score().score()),
              Column.required(
                  "selected",
                  ColumnType.INT,
                  "steps since the layer's row before in which it learned",
                  r -> r.score().selected())));

  /** What the scheduler did. */
  public static final Table<Event> EVENTS =
      new Table<>(
          "events",
          "One row a thing that the scheduler did; kept for reading, nothing depends on it.",
          List.of(
              Column.required("sweep", ColumnType.TEXT, "name of the sweep", Event::sweep),
              Column.required(
                  "run_at", ColumnType.TIMESTAMP, "start of the driver run", Event::run),
              Column.required("at", ColumnType.TIMESTAMP, "when it happened", Event::at),
              Column.required(
                  "kind",
                  ColumnType.TEXT,
                  "sweep-started, skipped, submitted, ended, decided, lost, stopped or sweep-ended",
                  e -> e.kind().id()),
              Column.optional("id", ColumnType.TEXT, "the trial", Event::id),
              Column.optional("attempt", ColumnType.INT, "of the trial", Event::attempt),
              Column.optional("detail", ColumnType.TEXT, "more, by kind", Event::detail)));

  private Tables() {}

  /** Returns the columns that tell a row's trial, and then its own. */
  @SafeVarargs
  private static <R> List<Column<R>> ofTrial(Function<R, TrialRow> trial, Column<R>... own) {
    List<Column<R>> columns = new ArrayList<>();
    columns.add(
        Column.required(
            "sweep", ColumnType.TEXT, "name of the sweep", r -> trial.apply(r).sweep()));
    columns.add(Column.required("id", ColumnType.TEXT, "the trial", r -> trial.apply(r).id()));
    columns.add(
        Column.required("attempt", ColumnType.INT, "of the trial", r -> trial.apply(r).attempt()));
    columns.addAll(List.of(own));
    return columns;
  }

  /** Returns every table. */
  public static List<Table<?>> all() {
    return List.of(TRIALS, CURVES, PREDICTIONS, LAYERS, EVENTS);
  }
}
