package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.sweep.StandInMain;

/** A sweep as a process of its own, as the script starts it: signals, secrets, full disks. */
class SweepProcessIT {
  private static final String SECRET = "wJalrXUtnFEMI0K7MDENG";
  private static final int TRIALS = 80;

  /** Started in the background, as by a server, this process and its children ignore Ctrl-C. */
  private static final boolean HAS_CTRL_C = !ignoresCtrlC();

  private static final String SIGNAL = HAS_CTRL_C ? "INT" : "TERM";
  private static final String REASON = HAS_CTRL_C ? "Ctrl-C" : "told to end";

  private static boolean ignoresCtrlC() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
      return lines
          .filter(line -> line.startsWith("SigIgn:"))
          .anyMatch(line -> (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 2) != 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @TempDir Path folder;

  @Test
  void endsWithASummaryOnCtrlCAndGoesOnLater() throws Exception {
    Process sweep = start("output", "out");
    awaitRows();
    signal(sweep, SIGNAL);
    assertThat(sweep.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(sweep.exitValue()).as(text("out")).isEqualTo(1);
    assertThat(text("out"))
        .contains("Stopping, " + REASON + ": ")
        .containsPattern(
            "Stopped, " + REASON + ": \\d+ of 80 trials have a row; the same command goes on")
        .contains("LoRA");
    int before = results().trials().size();
    assertThat(before).isBetween(1, TRIALS - 1);
    assertThat(folder.resolve("output/process/_lease.json")).doesNotExist();
    Process again = start("output", "again");
    assertThat(again.waitFor()).as(text("again")).isZero();
    assertThat(text("again")).contains(before + " of them done before");
    assertThat(results().attempts().values()).hasSize(TRIALS).containsOnly(1);
  }

  @Test
  void endsAtOnceOnTheSecondCtrlC() throws Exception {
    Process sweep = start("output", "out");
    awaitRows();
    long start = System.nanoTime();
    signal(sweep, SIGNAL);
    signal(sweep, SIGNAL);
    assertThat(sweep.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(sweep.exitValue()).as(text("out")).isEqualTo(1);
    assertThat((System.nanoTime() - start) / 1e9).isLessThan(60);
  }

  @Test
  void printsAndStoresNoSecret() throws Exception {
    Process good = start("output", "good", "--set", "seeds=[0]");
    assertThat(good.waitFor()).as(text("good")).isZero();
    Process bad = start("output", "bad", "--set", "seeds=[1]", "--set", "rates.learning-rate=2");
    assertThat(bad.waitFor()).as(text("bad")).isEqualTo(3);
    Process refused =
        start(
            "output",
            "refused",
            "--set",
            "tasks=[rte]",
            "--set",
            "data=s3a://k:" + SECRET + "@b/x");
    assertThat(refused.waitFor()).as(text("refused").replace(SECRET, "***")).isEqualTo(2);
    Process unreachable = start("s3a://no-such-bucket/x", "unreachable");
    assertThat(unreachable.waitFor()).isBetween(1, 2);
    for (String log : List.of("good", "bad", "refused", "unreachable")) {
      assertThat(text(log).contains(SECRET)).as("the secret in the log of " + log).isFalse();
    }
    ResultTables tables = ResultTables.of(LocalSpark.session(), results());
    assertThat(tables.trials().where("status = 'failed'").count()).isEqualTo(1);
    List<Dataset<Row>> all =
        List.of(
            tables.trials(),
            tables.curves(),
            tables.predictions(),
            tables.layers(),
            tables.events());
    for (Dataset<Row> table : all) {
      assertThat(table.toJSON().collectAsList())
          .isNotEmpty()
          .noneMatch(row -> row.contains(SECRET))
          .noneMatch(row -> row.contains("PLANTED"));
    }
    try (Stream<Path> files = Files.walk(folder.resolve("output"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String bytes = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertThat(bytes.contains(SECRET)).as("the secret in " + file).isFalse();
      }
    }
  }

  @Test
  void aSearchWhoseDriverIsKilledComesToTheSamePromotions() throws Exception {
    String ratios =
        IntStream.rangeClosed(1, 64).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    String[] search = {
      "--set", "seeds=[0]",
      "--set", "validation-fraction=0.1",
      "--set", "training.max-steps=" + Samples.RUNG_STEPS,
      "--set", "grid=[{method: lora, rank: 4, ratio: [" + ratios + "]}]",
      "--set", "stopping={rule: asha, cohort: 8}"
    };
    Process calm = start("calm", "calm.log", search);
    assertThat(calm.waitFor()).as(text("calm.log")).isZero();
    Process killed = start("output", "killed", search);
    awaitRows();
    signal(killed, "KILL");
    assertThat(killed.waitFor(60, TimeUnit.SECONDS)).isTrue();
    int before = results().trials().size();
    assertThat(before).isBetween(1, 63);
    Process again = start("output", "again", search);
    assertThat(again.waitFor()).as(text("again")).isZero();
    ResultFolder undisturbed =
        new ResultFolder(
            new org.apache.hadoop.fs.Path(folder + "/calm/process"), new Configuration());
    // Ids, attempts and statuses: no rung twice, the same ones stopped.
    assertThat(results().trialFiles())
        .containsExactlyInAnyOrderElementsOf(undisturbed.trialFiles());
    assertThat(results().trials()).hasSize(64);
  }

  private Process start(String output, String log, String... more) throws IOException {
    String seeds =
        IntStream.range(0, TRIALS).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    Path file =
        Files.writeString(
            folder.resolve("process.yaml"),
            """
            name: process
            model: builtin:mini
            tasks: [mini-rte]
            seeds: [%s]
            grid: [{method: lora, rank: 4}]
            """
                .formatted(seeds));
    List<String> command = new ArrayList<>(List.of("jobs/sweep.sh", file.toString(), "--output"));
    command.add(output.contains(":") ? output : folder.resolve(output).toString());
    command.addAll(List.of(more));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("SPARK_HOME");
    builder.environment().put("MASTER", "local[2]");
    builder.environment().put("AWS_SECRET_ACCESS_KEY", SECRET);
    builder.environment().put("PLANTED_PASSWORD", SECRET);
    builder
        .environment()
        .put(
            "SUBMIT_OPTIONS",
            "--class "
                + StandInMain.class.getName()
                + " --jars "
                + testJar()
                + " --conf spark.hadoop.fs.s3a.secret.key="
                + SECRET
                + " --conf spark.hadoop.fs.s3a.access.key="
                + SECRET);
    return builder.redirectOutput(folder.resolve(log).toFile()).start();
  }

  private void awaitRows() throws Exception {
    for (int i = 0; i < 600 && results().trials().size() < 5; i++) {
      Thread.sleep(100);
    }
  }

  private static void signal(Process process, String name) throws Exception {
    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
  }

  private ResultFolder results() {
    return new ResultFolder(
        new org.apache.hadoop.fs.Path(folder + "/output/process"), new Configuration());
  }

  private String text(String log) throws IOException {
    return Files.readString(folder.resolve(log), StandardCharsets.UTF_8);
  }

  private static Path testJar() throws IOException {
    try (var files = Files.newDirectoryStream(Path.of("target"), "peft-sweep-*-tests.jar")) {
      return files.iterator().next();
    }
  }
}
