package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Timestamp;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Encoders;
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

  /** Two of these trials lose the device that they run on. */
  private static final String SHARED =
      SWEEP.replace("name: cluster", "name: shared").replace("seeds: [0, 1, 2, 3]", "seeds: [0, 1]")
          + "  - {method: lora, rank: 2, learning-rate: 0.5}\n";

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
            "WORKER_CORES",
            "2",
            "GPUS",
            "1");
    Answer answer = run("jobs/cluster.sh", "start", "--gpus", "2");
    assertThat(answer.exitCode()).as(answer.text()).isZero();
    Files.writeString(folder.resolve("cluster.yaml"), SWEEP);
    Files.writeString(folder.resolve("shared.yaml"), SHARED);
  }

  @AfterAll
  static void stopCluster() throws Exception {
    assertThat(run("jobs/cluster.sh", "stop").text()).contains("Stopped 3 processes");
  }

  @Test
  void givesEachTrialAnAddressOfItsOwn() throws Exception {
    Answer answer = sweep("cluster", "");
    assertThat(answer.exitCode()).as(answer.text()).isZero();
    assertThat(answer.text()).contains("8 of 8 trials").contains("LoRA");
    List<Row> rows = rows("cluster");
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

  /**
   * A device that serves its process no more takes the executor with it, and what ran beside it on
   * the other half of that GPU; another executor goes on.
   */
  @Test
  @Tag("long")
  void aLostDeviceIsALostExecutorWhereTrialsShareGpus() throws Exception {
    Answer answer = sweep("shared", " --conf spark.task.resource.gpu.amount=0.5");
    assertThat(answer.exitCode()).as(answer.text()).isZero();
    assertThat(answer.text()).contains("6 of 6 trials");
    List<Row> rows = rows("shared");
    assertThat(rows).hasSize(6).allMatch(row -> row.<String>getAs("status").equals("finished"));
    assertThat(rows.stream().map(row -> row.<String>getAs("gpu_address")).distinct())
        .containsExactlyInAnyOrder("0", "1");
    List<String> lost =
        tables("shared")
            .events()
            .where("kind = 'lost'")
            .select("id")
            .as(Encoders.STRING())
            .collectAsList();
    assertThat(rows)
        .filteredOn(row -> row.<Double>getAs("learning_rate") == 0.5)
        .hasSize(2)
        .allMatch(row -> lost.contains(row.<String>getAs("id")));
  }

  private static Answer sweep(String name, String options) throws Exception {
    return run(
        Map.of(
            "SUBMIT_OPTIONS",
            "--class " + StandInMain.class.getName() + " --jars " + testJar() + options),
        "jobs/sweep.sh",
        folder + "/" + name + ".yaml",
        "--output",
        folder + "/output-" + name);
  }

  private static ResultTables tables(String name) {
    org.apache.hadoop.fs.Path output = new org.apache.hadoop.fs.Path(folder + "/output-" + name);
    return ResultTables.under(LocalSpark.session(), output);
  }

  private static List<Row> rows(String name) {
    return tables(name).trials().orderBy("started_at").collectAsList();
  }

  private static Answer run(String... command) throws Exception {
    return run(Map.of(), command);
  }

  private static Answer run(Map<String, String> more, String... command) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(variables);
    builder.environment().putAll(more);
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
