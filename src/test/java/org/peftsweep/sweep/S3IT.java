package org.peftsweep.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
 * Output, data and model on S3 by s3a, with a server as a process: S3Proxy, which keeps objects in
 * a folder. There a rename is a copy, and only conditional writes tell two drivers apart.
 */
@Tag("long")
class S3IT {
  private static final int TRIALS = 24;
  private static final String ROOT = "s3a://sweeps";
  private static final String KEY = "a-key-of-this-test";

  @TempDir Path folder;
  private final List<Process> running = new ArrayList<>();
  private final Configuration configuration = new Configuration();
  private final Map<String, String> settings = new TreeMap<>();

  @BeforeEach
  void startServer() throws Exception {
    int port = freePort();
    Files.createDirectories(folder.resolve("store/sweeps"));
    Path file =
        Files.writeString(
            folder.resolve("s3.conf"),
            """
            s3proxy.endpoint=http://127.0.0.1:%d
            s3proxy.authorization=aws-v2-or-v4
            s3proxy.identity=test
            s3proxy.credential=%s
            jclouds.provider=filesystem-nio2
            jclouds.filesystem.basedir=%s
            """
                .formatted(port, KEY, folder.resolve("store")));
    start(
        new ProcessBuilder(
            System.getProperty("java.home") + "/bin/java",
            "-Xmx512m",
            "-jar",
            jars("target/s3", "s3proxy-*.jar"),
            "--properties",
            file.toString()),
        "server");
    settings.put("fs.s3a.endpoint", "http://127.0.0.1:" + port);
    settings.put("fs.s3a.endpoint.region", "us-east-1");
    settings.put("fs.s3a.path.style.access", "true");
    settings.put("fs.s3a.access.key", "test");
    settings.put("fs.s3a.secret.key", KEY);
    // Spark's session outlives this server, and so would a connection to it.
    settings.put("fs.s3a.impl.disable.cache", "true");
    settings.forEach(configuration::set);
    settings.forEach(LocalSpark.session().sparkContext().hadoopConfiguration()::set);
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
  void stopServer() throws InterruptedException {
    for (Process process : running) {
      process.destroyForcibly().waitFor();
    }
  }

  @Test
  void refusesASecondDriverAndGoesOnAfterTheFirstWasKilled() throws Exception {
    Process first = sweep("first");
    ResultFolder results = new ResultFolder(path("/output/on-s3"), configuration);
    awaitRows(results, first, 3);
    Process second = sweep("second");
    assertThat(second.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(second.exitValue()).as(log("second")).isEqualTo(1);
    assertThat(log("second")).contains("Cannot run on-s3: process " + first.pid());
    assertThat(first.isAlive()).as(log("first")).isTrue();
    first.destroyForcibly().waitFor();
    int before = results.trials().size();
    assertThat(before).isBetween(3, TRIALS - 1);

    Process again = sweep("again");
    assertThat(again.waitFor(300, TimeUnit.SECONDS)).isTrue();
    assertThat(again.exitValue()).as(log("again")).isZero();
    assertThat(log("again")).contains(before + " of them done before");
    assertThat(results.trials().values())
        .hasSize(TRIALS)
        .extracting(TrialFile::status)
        .containsOnly(Status.FINISHED);
    assertThat(results.attempts().values()).containsOnly(1);
    ResultTables tables = ResultTables.of(LocalSpark.session(), results);
    assertThat(tables.trials().count()).isEqualTo(TRIALS);
    assertThat(tables.predictions().count()).isEqualTo(64L * TRIALS);
    for (String name : List.of("first", "second", "again")) {
      assertThat(log(name).contains(KEY)).as("the key in the log of " + name).isFalse();
    }
  }

  private void awaitRows(ResultFolder results, Process sweep, int rows) throws Exception {
    for (int i = 0; i < 1200 && sweep.isAlive() && results.trials().size() < rows; i++) {
      Thread.sleep(100);
    }
    assertThat(results.trials().size()).as(log("first")).isBetween(rows, TRIALS - 1);
  }

  private Process sweep(String log) throws IOException {
    String seeds =
        IntStream.range(0, TRIALS).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    Path file =
        Files.writeString(
            folder.resolve("on-s3.yaml"),
            """
            name: on-s3
            model: %1$s/model
            data: %1$s/data
            tasks: [mine]
            declare-tasks:
              mine: {text-columns: [text], label-column: label, labels: ["0", "1"], metrics: [accuracy]}
            seeds: [%2$s]
            grid: [{method: lora, rank: 4}]
            training: {max-steps: 300, max-tokens: 16, batch: 16}
            """
                .formatted(ROOT, seeds));
    ProcessBuilder builder =
        new ProcessBuilder("jobs/sweep.sh", file.toString(), "--output", ROOT + "/output");
    builder.environment().remove("SPARK_HOME");
    builder.environment().put("MASTER", "local[2]");
    String options =
        settings.entrySet().stream()
            .map(setting -> " --conf spark.hadoop." + setting.getKey() + "=" + setting.getValue())
            .collect(Collectors.joining());
    builder.environment().put("SUBMIT_OPTIONS", "--jars " + s3aJars() + options);
    return start(builder, log);
  }

  /** Returns what {@code --packages org.apache.hadoop:hadoop-aws} would fetch, less the unused. */
  private static String s3aJars() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(
            jar ->
                jar.matches(
                    ".*/(hadoop-aws|analyticsaccelerator|reactive-streams|httpclient-4|httpcore-4"
                        + "|eventstream)[^/]*\\.jar|.*/software/amazon/awssdk/.*"))
        .distinct()
        .collect(Collectors.joining(","));
  }

  private Process start(ProcessBuilder builder, String log) throws IOException {
    Process process =
        builder.redirectErrorStream(true).redirectOutput(folder.resolve(log).toFile()).start();
    running.add(process);
    return process;
  }

  private void put(byte[] bytes, String to) throws IOException {
    FileSystem files = path("/").getFileSystem(configuration);
    try (var out = files.create(path(to), true)) {
      out.write(bytes);
    }
  }

  private static org.apache.hadoop.fs.Path path(String name) {
    return new org.apache.hadoop.fs.Path(ROOT + name);
  }

  private String log(String name) throws IOException {
    return Files.readString(folder.resolve(name));
  }

  private static String jars(String folder, String pattern) throws IOException {
    try (var files = Files.newDirectoryStream(Path.of(folder), pattern)) {
      return files.iterator().next().toString();
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
