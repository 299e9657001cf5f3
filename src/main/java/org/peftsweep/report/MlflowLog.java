package org.peftsweep.report;

import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.commons.lang3.StringUtils;
import org.apache.spark.sql.Row;
import org.mlflow.api.proto.Service.CreateRun;
import org.mlflow.api.proto.Service.Metric;
import org.mlflow.api.proto.Service.Param;
import org.mlflow.api.proto.Service.Run;
import org.mlflow.api.proto.Service.RunStatus;
import org.mlflow.api.proto.Service.RunTag;
import org.mlflow.api.proto.Service.ViewType;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.Page;
import org.peftsweep.results.ResultTables;

/**
 * Copies trials to an MLflow tracking server: the sweep is an experiment, an attempt at a trial a
 * run, tagged with the trial's id. What is there already is passed over, and a run that was left
 * half logged is made anew, so that this may be repeated at any time.
 */
public final class MlflowLog {
  private static final String TRIAL = "peft-sweep.trial";
  private static final String ATTEMPT = "peft-sweep.attempt";
  private static final int PAGE = 1000;

  /** What one request may hold: see the REST API's limits of log-batch. */
  private static final int MOST_METRICS = 1000;

  private static final int LONGEST_PARAMETER = 500;
  private static final int LONGEST_TAG = 5000;

  private static final List<String> PARAMETERS =
      List.of(
          "method",
          "targets",
          "learning_rate",
          "ratio",
          "value_learning_rate",
          "head_learning_rate",
          "grouping",
          "task",
          "data",
          "train_limit",
          "model",
          "init",
          "epochs",
          "max_steps",
          "batch",
          "accumulate",
          "max_tokens",
          "schedule",
          "precision",
          "seed");
  private static final List<String> METRICS =
      List.of(
          "score",
          "validation_score",
          "last_score",
          "last_validation_score",
          "final_loss",
          "trainable_parameters",
          "head_parameters",
          "steps",
          "steps_per_second",
          "peak_bytes",
          "optimizer_bytes",
          "load_seconds",
          "train_seconds",
          "evaluate_seconds");
  private static final List<String> CURVE = List.of("score", "validation_score", "train_loss");
  private static final List<String> TAGS =
      List.of("sweep", "status", "reason", "metric", "host", "device", "revision");

  private final MlflowClient client;
  private final String experiment;

  private MlflowLog(MlflowClient client, String experiment) {
    this.client = client;
    this.experiment = experiment;
  }

  /**
   * Logs the trials of a sweep that the server does not have, and returns how many these were.
   *
   * @param uri of the tracking server, such as http://host:5000
   * @throws org.mlflow.tracking.MlflowClientException if the server cannot be reached or refuses
   */
  public static int write(ResultTables tables, String sweep, String uri) {
    List<Row> trials = tables.trials().orderBy("started_at", "id").collectAsList();
    Map<String, List<Row>> curves = new TreeMap<>();
    tables
        .curves()
        .orderBy("id", "step")
        .collectAsList()
        .forEach(row -> curves.computeIfAbsent(row.getAs("id"), id -> new ArrayList<>()).add(row));
    try (MlflowClient client = new MlflowClient(uri)) {
      String experiment =
          client
              .getExperimentByName(sweep)
              .map(found -> found.getExperimentId())
              .orElseGet(() -> client.createExperiment(sweep));
      MlflowLog log = new MlflowLog(client, experiment);
      Set<String> known = log.known();
      int logged = 0;
      for (Row trial : trials) {
        if (!known.contains(key(trial.getAs("id"), text(trial.getAs("attempt"))))) {
          log.log(trial, curves.getOrDefault(trial.<String>getAs("id"), List.of()));
          logged++;
        }
      }
      return logged;
    }
  }

  /** Returns the attempts that are logged, and deletes what was left half logged. */
  private Set<String> known() {
    Set<String> known = new HashSet<>();
    List<String> unfinished = new ArrayList<>();
    Page<Run> page =
        client.searchRuns(List.of(experiment), "", ViewType.ACTIVE_ONLY, PAGE, List.of());
    while (true) {
      for (Run run : page.getItems()) {
        Map<String, String> tags = new TreeMap<>();
        run.getData().getTagsList().forEach(tag -> tags.put(tag.getKey(), tag.getValue()));
        if (!tags.containsKey(TRIAL)) {
          continue;
        }
        if (run.getInfo().getStatus() == RunStatus.RUNNING) {
          unfinished.add(run.getInfo().getRunId());
        } else {
          known.add(key(tags.get(TRIAL), tags.get(ATTEMPT)));
        }
      }
      if (!page.hasNextPage()) {
        break;
      }
      page = page.getNextPage();
    }
    unfinished.forEach(client::deleteRun);
    return known;
  }

  private void log(Row trial, List<Row> curve) {
    long started = millis(trial, "started_at");
    long finished = millis(trial, "finished_at");
    String run =
        client
            .createRun(
                CreateRun.newBuilder()
                    .setExperimentId(experiment)
                    .setRunName(trial.getAs("title"))
                    .setStartTime(started)
                    .addTags(tag(TRIAL, trial.getAs("id")))
                    .addTags(tag(ATTEMPT, trial.getAs("attempt")))
                    .build())
            .getRunId();
    client.logBatch(run, List.of(), parameters(trial), tags(trial));
    List<Metric> metrics = metrics(trial, curve, finished);
    for (int from = 0; from < metrics.size(); from += MOST_METRICS) {
      int to = Math.min(metrics.size(), from + MOST_METRICS);
      client.logBatch(run, metrics.subList(from, to), List.of(), List.of());
    }
    boolean isFinished = "finished".equals(trial.getAs("status"));
    client.setTerminated(run, isFinished ? RunStatus.FINISHED : RunStatus.FAILED, finished);
  }

  private static List<Param> parameters(Row trial) {
    Map<String, Object> values = new TreeMap<>();
    PARAMETERS.forEach(name -> values.put(name, trial.getAs(name)));
    trial.<String, String>getJavaMap(trial.fieldIndex("settings")).forEach(values::putIfAbsent);
    List<Param> parameters = new ArrayList<>();
    values.forEach(
        (name, value) -> {
          if (value != null) {
            String text = StringUtils.abbreviate(text(value), LONGEST_PARAMETER);
            parameters.add(Param.newBuilder().setKey(name).setValue(text).build());
          }
        });
    return parameters;
  }

  private static List<RunTag> tags(Row trial) {
    List<RunTag> tags = new ArrayList<>();
    for (String name : TAGS) {
      if (trial.getAs(name) != null) {
        tags.add(tag("peft-sweep." + name, trial.getAs(name)));
      }
    }
    return tags;
  }

  private static List<Metric> metrics(Row trial, List<Row> curve, long at) {
    List<Metric> metrics = new ArrayList<>();
    METRICS.forEach(name -> add(metrics, name, trial.getAs(name), at, 0));
    for (Row point : curve) {
      int step = point.getAs("step");
      CURVE.forEach(name -> add(metrics, "curve/" + name, point.getAs(name), at, step));
    }
    return metrics;
  }

  private static void add(List<Metric> metrics, String name, Number value, long at, long step) {
    // JSON has no number for the others.
    if (value != null && Double.isFinite(value.doubleValue())) {
      metrics.add(
          Metric.newBuilder()
              .setKey(name)
              .setValue(value.doubleValue())
              .setTimestamp(at)
              .setStep(step)
              .build());
    }
  }

  private static RunTag tag(String name, Object value) {
    String text = StringUtils.abbreviate(text(value), LONGEST_TAG);
    return RunTag.newBuilder().setKey(name).setValue(text).build();
  }

  private static String key(String id, String attempt) {
    return id + " " + attempt;
  }

  private static String text(Object value) {
    return value.toString();
  }

  private static long millis(Row trial, String column) {
    return trial.<Timestamp>getAs(column).getTime();
  }
}
