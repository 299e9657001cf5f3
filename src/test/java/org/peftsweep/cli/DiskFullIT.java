package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.TrialFile;
import org.peftsweep.sweep.StandInMain;
import org.peftsweep.train.Outcome.Status;

/** A sweep whose output folder is a small file system of its own, which runs out of space. */
class DiskFullIT {
  private static final int TRIALS = 12;

  /** Room for some trials of about 60 KiB each, and not for all. */
  private static final int FREE = 400 << 10;

  @TempDir Path folder;
  private Path output;

  @BeforeEach
  void mount() throws Exception {
    output = Files.createDirectory(folder.resolve("output"));
    assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", output.toString()) == 0,
        "mounting a file system is not allowed here; run as root");
  }

  @AfterEach
  void unmount() throws Exception {
    run("umount", output.toString());
  }

  @Test
  void endsWithTheReasonAndGoesOnWhenThereIsSpace() throws Exception {
    Path filler = output.resolve("filler");
    Files.write(filler, new byte[(int) (output.toFile().getUsableSpace() - FREE)]);

    assertThat(sweep("full")).as(text("full")).isEqualTo(1);
    assertThat(text("full"))
        .containsPattern(
            "(?m)^Cannot write file:"
                + output
                + "/full/\\S+: no space is left there, make some and")
        .doesNotContain("Exception in thread");
    Map<Path, FileTime> before = visible();
    int done = results().trials().size();
    assertThat(done).isBetween(1, TRIALS - 1);
    assertThat(hidden()).isEmpty();
    ResultTables tables = ResultTables.of(LocalSpark.session(), results());
    assertThat(tables.trials().where("status = 'finished'").count()).isEqualTo(done);
    assertThat(tables.curves().select("id").distinct().count()).isEqualTo(done);

    Files.delete(filler);
    assertThat(sweep("again")).as(text("again")).isZero();
    assertThat(text("again")).contains(done + " of them done before");
    assertThat(results().trials().values())
        .hasSize(TRIALS)
        .extracting(TrialFile::status)
        .containsOnly(Status.FINISHED);
    assertThat(results().attempts().values()).containsOnly(1);
    assertThat(visible()).containsAllEntriesOf(before);
    tables = ResultTables.of(LocalSpark.session(), results());
    assertThat(tables.trials().count()).isEqualTo(TRIALS);
    assertThat(tables.events().where("kind = 'skipped'").count()).isEqualTo(done);
  }

  @Test
  void doesNotStartWithoutSpace() throws Exception {
    Files.write(output.resolve("filler"), new byte[(int) output.toFile().getUsableSpace()]);
    assertThat(sweep("full")).as(text("full")).isEqualTo(1);
    assertThat(text("full"))
        .containsPattern(
            "(?m)^Cannot write file:" + output + "/full/\\S+: no space is left there, make some");
    assertThat(visible()).isEmpty();
    assertThat(hidden()).isEmpty();
  }

  private int sweep(String log) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("full.yaml"),
            """
            name: full
            model: builtin:mini
            tasks: [mini-rte]
            seeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
            grid: [{method: lora, rank: 4}]
            """);
    ProcessBuilder builder =
        new ProcessBuilder("jobs/sweep.sh", file.toString(), "--output", output.toString());
    builder.environment().remove("SPARK_HOME");
    builder.environment().put("MASTER", "local[2]");
    builder
        .environment()
        .put("SUBMIT_OPTIONS", "--class " + StandInMain.class.getName() + " --jars " + testJar());
    Process process =
        builder.redirectErrorStream(true).redirectOutput(folder.resolve(log).toFile()).start();
    try {
      assertThat(process.waitFor(180, TimeUnit.SECONDS)).as(text(log)).isTrue();
      return process.exitValue();
    } finally {
      process.destroyForcibly();
    }
  }

  private ResultFolder results() {
    return new ResultFolder(new org.apache.hadoop.fs.Path(output + "/full"), new Configuration());
  }

  /** Returns the tables' files that readers may see, and when each was written. */
  private Map<Path, FileTime> visible() throws IOException {
    Map<Path, FileTime> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(output)) {
      for (Path file : all.filter(f -> f.toString().endsWith(".parquet")).toList()) {
        files.put(file, Files.getLastModifiedTime(file));
      }
    }
    return files;
  }

  /** Returns what is left of files that did not become visible. */
  private List<Path> hidden() throws IOException {
    try (Stream<Path> all = Files.walk(output)) {
      return all.filter(file -> file.getFileName().toString().matches("\\..*-.{4}-.{4}-.*"))
          .collect(Collectors.toList());
    }
  }

  private String text(String log) throws IOException {
    return Files.readString(folder.resolve(log));
  }

  private static int run(String... command) throws Exception {
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }

  private static Path testJar() throws IOException {
    try (var files = Files.newDirectoryStream(Path.of("target"), "peft-sweep-*-tests.jar")) {
      return files.iterator().next();
    }
  }
}
