package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Timestamp;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultTables;

/**
 * A sweep on a real master and two real workers with one simulated GPU address each, submitted by
 * the scripts that users call.
 */
@Tag("cluster")
class ClusterIT {
  private static final String SWEEP =
      """
      name: cluster
      model: builtin:mini
      tasks: [mini-rte]
      seeds: [0, 1, 2, 3]
      grid:
        - method: lora
          rank: [4, 8]
      """;

  @TempDir static Path folder;
  private static Map<String, String> variables;

  private record Answer(int exitCode, String text) {}

  @BeforeAll
  static void startCluster() throws Exception {
    int port = freePort();
    variables =
        Map.of(
            "MASTER_PORT",
            Integer.toString(port),
            "MASTER_UI_PORT",
            Integer.toString(freePort()),
            "CLUSTER_FOLDER",
            folder.resolve("cluster").toString(),
            "MASTER",
            "spark://127.0.0.1:" + port,
            "GPUS",
            "1",
            "SUBMIT_OPTIONS",
            "--class " + StandInMain.class.getName() + " --jars " + testJar());
    Answer answer = run("jobs/cluster.sh", "start", "--gpus", "2");
    assertThat(answer.exitCode()).as(answer.text()).isZero();
    Files.writeString(folder.resolve("cluster.yaml"), SWEEP);
  }

  @AfterAll
  static void stopCluster() throws Exception {
    assertThat(run("jobs/cluster.sh", "stop").text()).contains("Stopped 3 processes");
  }

  @Test
  void givesEachTrialAnAddressOfItsOwn() throws Exception {
    Answer answer = run("jobs/sweep.sh", folder + "/cluster.yaml", "--output", folder + "/output");
    assertThat(answer.exitCode()).as(answer.text()).isZero();
    assertThat(answer.text()).contains("8 of 8 trials").contains("LoRA");
    List<Row> rows =
        ResultTables.under(LocalSpark.session(), new org.apache.hadoop.fs.Path(folder + "/output"))
            .trials()
            .orderBy("started_at")
            .collectAsList();
    assertThat(rows).hasSize(8);
    assertThat(rows).noneMatch(row -> row.<String>getAs("executor").equals("driver"));
    assertThat(rows.stream().map(row -> row.<String>getAs("gpu_address")).distinct())
        .containsExactlyInAnyOrder("0", "1");
    Map<String, Timestamp> busyUntil = new TreeMap<>();
    for (Row row : rows) {
      String address = row.getAs("gpu_address");
      Timestamp started = row.getAs("started_at");
      assertThat(busyUntil.getOrDefault(address, new Timestamp(0)))
          .as("end of the trial before on address %s", address)
          .isBeforeOrEqualTo(started);
      busyUntil.put(address, row.getAs("finished_at"));
    }
  }

  private static Answer run(String... command) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(new HashMap<>(variables));
    builder.environment().remove("SPARK_HOME");
    // A file and not a pipe: the cluster's processes outlive the script that starts them.
    Path output = Files.createTempFile(folder, "output", ".txt");
    Process process = builder.redirectOutput(output.toFile()).start();
    int exitCode = process.waitFor();
    return new Answer(exitCode, Files.readString(output, StandardCharsets.UTF_8));
  }

  private static Path testJar() {
    try (var files = Files.newDirectoryStream(Path.of("target"), "peft-sweep-*-tests.jar")) {
      return files.iterator().next();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
