package org.peftsweep.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

class MlflowLogTest {
  @TempDir Path output;
  private ResultFolder folder;
  private TrackingServer server;

  @BeforeEach
  void start() throws Exception {
    folder =
        new ResultFolder(
            new org.apache.hadoop.fs.Path(output.toString(), "s"), new Configuration());
    server = new TrackingServer();
    folder.publish(Samples.row("s", Samples.trial("rte", 0), 1, Samples.finished(0.75, 2)));
    folder.publish(
        Samples.row("s", Samples.trial("rte", 1), 1, Samples.failed(Status.OOM, "no memory")));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void aTrialIsARunWithItsSettingsScoresAndCurve() {
    assertThat(log()).isEqualTo(2);
    Trial trial = Samples.trial("rte", 0);
    JsonNode run = run(trial);
    assertThat(run.get("info").get("status").asText()).isEqualTo("FINISHED");
    assertThat(run.get("info").get("run_name").asText()).isEqualTo(trial.title());
    assertThat(pairs(run, "params"))
        .containsEntry("method", "lora")
        .containsEntry("targets", "qv")
        .containsEntry("ratio", "4.0")
        .containsEntry("rank", "8")
        .containsEntry("seed", "0");
    assertThat(pairs(run, "tags"))
        .containsEntry("peft-sweep.sweep", "s")
        .containsEntry("peft-sweep.attempt", "1")
        .containsEntry("peft-sweep.host", "höst");
    assertThat(pairs(run, "metrics"))
        .containsEntry("score", "0.75")
        .containsEntry("train_seconds", "4.0");
    List<String> curve = new ArrayList<>();
    run.get("data")
        .get("metrics")
        .forEach(
            metric -> {
              if (metric.get("key").asText().equals("curve/validation_score")) {
                curve.add(metric.path("step").asInt() + " " + metric.get("value").asDouble());
              }
            });
    assertThat(curve).containsExactly("0 0.5", "10 0.8", "20 0.7");
  }

  @Test
  void aTrialThatDidNotFinishIsAFailedRunWithItsReason() {
    log();
    JsonNode run = run(Samples.trial("rte", 1));
    assertThat(run.get("info").get("status").asText()).isEqualTo("FAILED");
    assertThat(pairs(run, "tags"))
        .containsEntry("peft-sweep.status", "oom")
        .containsEntry("peft-sweep.reason", "no memory");
    assertThat(run.get("data").get("metrics")).isEmpty();
  }

  @Test
  void nothingIsLoggedTwice() {
    log();
    assertThat(log()).isZero();
    folder.publish(Samples.row("s", Samples.trial("rte", 1), 2, Samples.finished(0.5, 2)));
    assertThat(log()).isEqualTo(1);
    assertThat(server.runs).hasSize(3);
    assertThat(server.calls.stream().filter("experiments/create"::equals)).hasSize(1);
  }

  @Test
  void whatWasLeftHalfLoggedIsMadeAnew() {
    server.broken = "runs/log-batch";
    assertThatThrownBy(this::log)
        .isInstanceOf(TrackingClient.TrackingException.class)
        .hasMessageContaining("out of order");
    assertThat(server.runs).hasSize(1);
    server.broken = "";
    assertThat(log()).isEqualTo(2);
    assertThat(server.runs.values())
        .hasSize(2)
        .noneMatch(run -> run.get("info").get("status").asText().equals("RUNNING"));
  }

  @Test
  void saysThatTheServerIsDown() {
    String uri = server.uri();
    server.close();
    assertThatThrownBy(() -> MlflowLog.write(tables(), "s", TrackingClient.of(uri, Map.of())))
        .isInstanceOf(TrackingClient.TrackingException.class);
  }

  @Test
  void saysWhoAsksAndNeverRepeatsIt() {
    Map<String, String> variables =
        Map.of("MLFLOW_TRACKING_USERNAME", "me", "MLFLOW_TRACKING_PASSWORD", "p:w");
    String basic = "Basic " + Base64.getEncoder().encodeToString("me:p:w".getBytes(UTF_8));
    for (String address :
        List.of(server.uri(), server.uri().replace("://", "://me:p:w@"), withPassword("p%3Aw"))) {
      server.authorizations.clear();
      TrackingClient client = TrackingClient.of(address, variables);
      MlflowLog.write(tables(), "s", client);
      assertThat(server.authorizations).containsOnly(basic).isNotEmpty();
      assertThat(client.address()).isEqualTo(server.uri());
    }
    server.authorizations.clear();
    MlflowLog.write(
        tables(), "s", TrackingClient.of(server.uri(), Map.of("MLFLOW_TRACKING_TOKEN", "t")));
    assertThat(server.authorizations).containsOnly("Bearer t");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "x",
        "http://",
        "http:///x",
        "ftp://h",
        "file:/x",
        "databricks",
        "http://a b",
        "http://u:secret@",
        "https://u:secret@h h",
        "http://h?token=secret"
      })
  void refusesWhatIsNoAddress(String text) {
    assertThatThrownBy(() -> TrackingClient.of(text, Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageMatching("Cannot use --mlflow .*: give an address such as http://host:5000")
        .hasMessageNotContaining("secret");
  }

  private String withPassword(String password) {
    return server.uri().replace("://", "://me:" + password + "@");
  }

  private int log() {
    return MlflowLog.write(tables(), "s", TrackingClient.of(server.uri(), Map.of()));
  }

  private ResultTables tables() {
    return ResultTables.of(LocalSpark.session(), folder);
  }

  private JsonNode run(Trial trial) {
    return server.runs.values().stream()
        .filter(run -> trial.id().equals(pairs(run, "tags").get("peft-sweep.trial")))
        .findFirst()
        .orElseThrow();
  }

  private static Map<String, String> pairs(JsonNode run, String part) {
    Map<String, String> pairs = new TreeMap<>();
    run.get("data")
        .get(part)
        .forEach(pair -> pairs.put(pair.get("key").asText(), pair.get("value").asText()));
    return pairs;
  }
}
