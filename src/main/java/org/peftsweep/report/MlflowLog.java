package org.peftsweep.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.commons.lang3.StringUtils;
import org.apache.spark.sql.Row;
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
          "train_fraction",
          "augmentation",
          "model",
          "init",
          "weights",
          "epochs",
          "max_steps",
          "batch",
          "accumulate",
          "max_tokens",
          "schedule",
          "optimizer",
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

  private final TrackingClient client;
  private final String experiment;

  private MlflowLog(TrackingClient client, String experiment) {
    this.client = client;
    this.experiment = experiment;
  }

  /**
   * Logs the trials of a sweep that the server does not have, and returns how many these were.
   *
   * @throws TrackingClient.TrackingException if the server cannot be reached or refuses
   */
  public static int write(ResultTables tables, String sweep, TrackingClient client) {
    // A stopped trial may go on, and a run is logged once.
    List<Row> trials =
        tables.trials().where("status <> 'stopped'").orderBy("started_at", "id").collectAsList();
    Map<String, List<Row>> curves = new TreeMap<>();
    tables
        .curves()
        .orderBy("id", "step")
        .collectAsList()
        .forEach(row -> curves.computeIfAbsent(row.getAs("id"), id -> new ArrayList<>()).add(row));
    String experiment = client.experiment(sweep).orElseGet(() -> client.createExperiment(sweep));
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

  /** Returns the attempts that are logged, and deletes what was left half logged. */
  private Set<String> known() {
    Set<String> known = new HashSet<>();
    List<String> unfinished = new ArrayList<>();
    String page = "";
    do {
      JsonNode found = client.runs(experiment, PAGE, page);
      for (JsonNode run : found.path("runs")) {
        Map<String, String> tags = new TreeMap<>();
        run.path("data")
            .path("tags")
            .forEach(tag -> tags.put(tag.path("key").asText(), tag.path("value").asText()));
        if (!tags.containsKey(TRIAL)) {
          continue;
        }
        if (run.path("info").path("status").asText().equals("RUNNING")) {
          unfinished.add(run.path("info").path("run_id").asText());
        } else {
          known.add(key(tags.get(TRIAL), tags.get(ATTEMPT)));
        }
      }
      page = found.path("next_page_token").asText();
    } while (!page.isEmpty());
    unfinished.forEach(client::delete);
    return known;
  }

  private void log(Row trial, List<Row> curve) {
    long started = millis(trial, "started_at");
    long finished = millis(trial, "finished_at");
    Map<String, String> names =
        Map.of(TRIAL, trial.getAs("id"), ATTEMPT, text(trial.getAs("attempt")));
    String run = client.createRun(experiment, trial.getAs("title"), started, names);
    client.log(run, List.of(), parameters(trial), tags(trial));
    List<ObjectNode> metrics = metrics(trial, curve, finished);
    for (int from = 0; from < metrics.size(); from += MOST_METRICS) {
      int to = Math.min(metrics.size(), from + MOST_METRICS);
      client.log(run, metrics.subList(from, to), Map.of(), Map.of());
    }
    client.end(run, "finished".equals(trial.getAs("status")), finished);
  }

  private static Map<String, String> parameters(Row trial) {
    Map<String, Object> values = new TreeMap<>();
    PARAMETERS.forEach(name -> values.put(name, trial.getAs(name)));
    trial.<String, String>getJavaMap(trial.fieldIndex("settings")).forEach(values::putIfAbsent);
    Map<String, String> parameters = new TreeMap<>();
    values.forEach(
        (name, value) -> {
          if (value != null) {
            parameters.put(name, StringUtils.abbreviate(text(value), LONGEST_PARAMETER));
          }
        });
    return parameters;
  }

  private static Map<String, String> tags(Row trial) {
    Map<String, String> tags = new TreeMap<>();
    for (String name : TAGS) {
      if (trial.getAs(name) != null) {
        tags.put(
            "peft-sweep." + name, StringUtils.abbreviate(text(trial.getAs(name)), LONGEST_TAG));
      }
    }
    return tags;
  }

  private List<ObjectNode> metrics(Row trial, List<Row> curve, long at) {
    List<ObjectNode> metrics = new ArrayList<>();
    METRICS.forEach(name -> add(metrics, name, trial.getAs(name), at, 0));
    for (Row point : curve) {
      int step = point.getAs("step");
      CURVE.forEach(name -> add(metrics, "curve/" + name, point.getAs(name), at, step));
    }
    return metrics;
  }

  private void add(List<ObjectNode> metrics, String name, Number value, long at, long step) {
    // JSON has no number for the others.
    if (value != null && Double.isFinite(value.doubleValue())) {
      metrics.add(client.metric(name, value.doubleValue(), at, step));
    }
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
