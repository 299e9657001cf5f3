package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.TrialFile;
import org.peftsweep.train.Outcome.Status;

/**
 * Output, data and model on HDFS: a real NameNode and a real DataNode as processes, of which the
 * latter is killed while a sweep runs and started again.
 */
@Tag("long")
class HdfsIT {
  private static final int TRIALS = 24;

  @TempDir Path folder;
  private final List<Process> running = new ArrayList<>();
  private final Configuration configuration = new Configuration();
  private String root;
  private Process dataNode;

  @BeforeEach
  void startHdfs() throws Exception {
    int port = freePort();
    root = "hdfs://127.0.0.1:" + port;
    Path settings = Files.createDirectories(folder.resolve("settings"));
    Files.writeString(settings.resolve("core-site.xml"), xml("fs.defaultFS", root));
    Files.writeString(
        settings.resolve("hdfs-site.xml"),
        xml(
            "dfs.replication", "1",
            "dfs.namenode.name.dir", folder.resolve("names").toUri().toString(),
            "dfs.datanode.data.dir", folder.resolve("blocks").toUri().toString(),
            "dfs.namenode.http-address", "127.0.0.1:0",
            "dfs.datanode.address", "127.0.0.1:0",
            "dfs.datanode.http.address", "127.0.0.1:0",
            "dfs.datanode.ipc.address", "127.0.0.1:0",
            "dfs.namenode.datanode.registration.ip-hostname-check", "false",
            "dfs.permissions.enabled", "false"));
    Process format = server("namenode.NameNode", "format", "-format", "-nonInteractive");
    assertThat(format.waitFor()).as(log("format")).isZero();
    server("namenode.NameNode", "name-node");
    dataNode = server("datanode.DataNode", "data-node");
    configuration.set("dfs.replication", "1");
    configuration.set("ipc.client.connect.max.retries", "60");
    for (String part : List.of("train", "dev")) {
      String rows =
          IntStream.range(0, 64)
              .mapToObj(i -> "{\"text\": \"row " + i + "\", \"label\": \"" + i % 2 + "\"}\n")
              .collect(Collectors.joining());
      put(rows.getBytes(StandardCharsets.UTF_8), "/data/mine/" + part + ".jsonl");
    }
    for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      put(Files.readAllBytes(Path.of("src/main/resources/models/mini", name)), "/model/" + name);
    }
  }

  @AfterEach
  void stopHdfs() throws InterruptedException {
    for (Process process : running) {
      process.destroyForcibly().waitFor();
    }
  }

  @Test
  void survivesADataNodeThatIsKilledAndStartedAgain() throws Exception {
    Process sweep = sweep();
    ResultFolder results = new ResultFolder(path("/output/on-hdfs"), configuration);
    for (int i = 0; i < 1200 && sweep.isAlive() && results.trials().size() < 3; i++) {
      Thread.sleep(100);
    }
    assertThat(results.trials().size()).as(log("sweep")).isBetween(3, TRIALS - 1);
    dataNode.destroyForcibly().waitFor();
    Thread.sleep(4000);
    dataNode = server("datanode.DataNode", "data-node-again");
    assertThat(sweep.waitFor(300, TimeUnit.SECONDS)).isTrue();
    assertThat(sweep.exitValue()).as(log("sweep")).isZero();
    assertThat(results.trials().values())
        .hasSize(TRIALS)
        .extracting(TrialFile::status)
        .containsOnly(Status.FINISHED);
    assertThat(results.attempts().values()).containsOnly(1);
    ResultTables tables = ResultTables.of(LocalSpark.session(), results);
    assertThat(tables.trials().count()).isEqualTo(TRIALS);
    assertThat(tables.predictions().count()).isEqualTo(64L * TRIALS);
  }

  private Process sweep() throws IOException {
    String seeds =
        IntStream.range(0, TRIALS).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    Path file =
        Files.writeString(
            folder.resolve("on-hdfs.yaml"),
            """
            name: on-hdfs
            model: %1$s/model
            data: %1$s/data
            tasks: [mine]
            declare-tasks:
              mine: {text-columns: [text], label-column: label, labels: ["0", "1"], metrics: [accuracy]}
            seeds: [%2$s]
            grid: [{method: lora, rank: 4}]
            training: {max-steps: 30, max-tokens: 16, batch: 16}
            """
                .formatted(root, seeds));
    ProcessBuilder builder =
        new ProcessBuilder("jobs/sweep.sh", file.toString(), "--output", root + "/output");
    builder.environment().remove("SPARK_HOME");
    builder.environment().put("MASTER", "local[2]");
    builder.environment().put("SUBMIT_OPTIONS", "--conf spark.hadoop.dfs.replication=1");
    return start(builder, "sweep");
  }

  private Process server(String type, String log, String... more) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + "/bin/java");
    command.add("-Xmx256m");
    command.add("-cp");
    command.add(folder.resolve("settings") + ":target/hdfs/*:target/spark/jars/*");
    command.add("org.apache.hadoop.hdfs.server." + type);
    command.addAll(List.of(more));
    return start(new ProcessBuilder(command), log);
  }

  private Process start(ProcessBuilder builder, String log) throws IOException {
    Process process =
        builder.redirectErrorStream(true).redirectOutput(folder.resolve(log).toFile()).start();
    running.add(process);
    return process;
  }

  private void put(byte[] bytes, String to) throws Exception {
    IOException fault = null;
    // The DataNode may still be on its way.
    for (int i = 0; i < 60; i++) {
      try (var out = files().create(path(to), true)) {
        out.write(bytes);
        return;
      } catch (IOException e) {
        fault = e;
        Thread.sleep(500);
      }
    }
    throw fault;
  }

  private FileSystem files() throws IOException {
    return path("/").getFileSystem(configuration);
  }

  private org.apache.hadoop.fs.Path path(String name) {
    return new org.apache.hadoop.fs.Path(root + name);
  }

  private String log(String name) {
    try {
      return Files.readString(folder.resolve(name));
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static String xml(String... keysAndValues) {
    StringBuilder text = new StringBuilder("<configuration>");
    for (int i = 0; i < keysAndValues.length; i += 2) {
      text.append("<property><name>").append(keysAndValues[i]).append("</name><value>");
      text.append(keysAndValues[i + 1]).append("</value></property>");
    }
    return text.append("</configuration>").toString();
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
