package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.report.TrackingServer;
import org.peftsweep.results.Lease;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.results.TrialRow;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Engine;
import org.peftsweep.sweep.StandInEngine;
import org.peftsweep.train.Outcome;

class MainTest {
  private static final String SWEEP =
      """
      name: small
      model: builtin:mini
      tasks: [mini-rte]
      seeds: [0, 1]
      grid:
        - method: lora
          rank: [4, 8]
      """;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @TempDir Path folder;
  private Path file;

  @BeforeAll
  static void startSpark() {
    LocalSpark.session();
  }

  @BeforeEach
  void writeSweep() throws IOException {
    file = Files.writeString(folder.resolve("small.yaml"), SWEEP);
  }

  /** The interval is wide: played trials have two examples, of which scores cannot be so near. */
  @Test
  void runsASweepAndPrintsItsTable() {
    assertThat(sweep()).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .containsPattern("method  targets  rank  λ  trainable +mini-rte\n")
        .contains("LoRA    QV          4  1       1234  51.05 ± 122.27")
        .contains("Tables: file:" + folder.resolve("output/small"))
        .contains("jobs/query.sh \"SELECT title, score");
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("4 of 4 trials");
  }

  @Test
  void aKeyIsSetOnceAndWithAValue() {
    for (List<String> twice :
        List.of(
            List.of("--set", "seeds=[1]", "--set", "seeds=[2]"),
            List.of("--set=seeds=[1]", "--set=seeds=[1]"),
            List.of("--set", "seeds=[1]", "--set", "training.epochs=1", "--set", "seeds="))) {
      err.reset();
      assertThat(sweep(twice.toArray(String[]::new))).isEqualTo(2);
      assertThat(err.toString(StandardCharsets.UTF_8))
          .startsWith("Cannot use --set seeds twice: leave one out\n");
    }
    for (String bare : List.of("seeds", "=1", "", " ")) {
      err.reset();
      assertThat(sweep("--set", bare)).isEqualTo(2);
      assertThat(err.toString(StandardCharsets.UTF_8))
          .startsWith("Cannot use --set ")
          .contains(": give a key and a value, such as training.epochs=3\n");
    }
    out.reset();
    assertThat(sweep("--dry-run", "--set", "seeds=[1, 2, 3]", "--set=training.epochs=1")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("6 trials, 6 to run");
  }

  @Test
  void evaluatesWhatTuningChose() throws IOException {
    Files.writeString(
        file,
        """
        name: small
        model: builtin:mini
        tasks: [mini-rte]
        tuning-seeds: [1, 2]
        evaluation-seeds: [3, 4]
        validation-fraction: 0.1
        select: [method, rank]
        grid:
          - {method: lora, rank: [4, 8], ratio: [1, 2, 8]}
          - {method: dora, rank: 4}
        """);
    assertThat(sweep("--dry-run")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("14 trials, 14 to run")
        .contains("Then 2 choices by mean validation score over 2 tuning seeds; each chosen")
        .contains("evaluated 2 times");
    out.reset();
    assertThat(sweep()).isZero();
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("2 choices made");
    // The stand-in's validation score grows with λ, so 8 wins for both ranks.
    String table = out.toString(StandardCharsets.UTF_8);
    assertThat(table)
        .containsPattern("LoRA +QV +4 +8 ")
        .containsPattern("LoRA +QV +8 +8 ")
        .doesNotContainPattern("LoRA +QV +8 +2 ")
        .contains("chosen on the validation part")
        .contains("touched by these evaluations only");
    out.reset();
    query(
        "SELECT phase, count(*) AS n, count(score) AS m FROM trials GROUP BY 1 ORDER BY 1", "csv");
    assertThat(out.toString(StandardCharsets.UTF_8))
        .isEqualTo("phase,n,m\nevaluation,6,6\ntuning,12,0\n");
    out.reset();
    err.reset();
    assertThat(sweep()).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo(table);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("nothing to train");
  }

  @Test
  void choosesOnlyWhenAllCandidatesAreDone() throws IOException {
    Files.writeString(
        file,
        """
        name: small
        model: builtin:mini
        tasks: [mini-rte]
        tuning-seeds: [1]
        evaluation-seeds: [3]
        validation-fraction: 0.1
        grid:
          - {method: lora, learning-rate: [1e-3, 2]}
        """);
    // The stand-in fails at a rate of 2, and a failed trial may still finish.
    assertThat(sweep()).isEqualTo(3);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("0 choices made");
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("No evaluation is finished yet");
  }

  @Test
  void trainsNothingTheSecondTime() {
    sweep();
    String table = out.toString(StandardCharsets.UTF_8);
    out.reset();
    err.reset();
    assertThat(sweep()).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo(table);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("nothing to train");
  }

  @Test
  void printsOnlyTrialsThatTheFileAsksFor() {
    sweep();
    out.reset();
    assertThat(sweep("--set", "training.epochs=1")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).doesNotContain("epochs");
  }

  @Test
  void aTrackingServerThatIsDownCostsNoTrial() throws Exception {
    TrackingServer server = new TrackingServer();
    server.broken = "experiments/get-by-name";
    assertThat(sweep("--mlflow", server.uri())).isZero();
    assertThat(err.toString(StandardCharsets.UTF_8).lines())
        .filteredOn(line -> line.startsWith("Cannot log to " + server.uri()))
        .hasSize(1);
    server.broken = "";
    err.reset();
    assertThat(sweep("--mlflow", server.uri())).isZero();
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("4 trials logged to");
    assertThat(server.runs).hasSize(4);
    server.close();
    assertThat(sweep("--mlflow", server.uri())).isZero();
    err.reset();
    assertThat(sweep("--mlflow", server.uri().replace("://", "://me:secret@"))).isZero();
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("Cannot log to " + server.uri() + ": it does not answer")
        .doesNotContain("secret");
    assertThat(sweep("--mlflow", "nosuch")).isEqualTo(2);
  }

  @Test
  void tellsOthersHowTheSweepStands() {
    sweep();
    out.reset();
    assertThat(run("watch", "small", "--once", "--output", folder + "/output"))
        .as(err.toString())
        .isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .isEqualTo("small: no run goes on; 4 of 4 trials with a row are finished\n");
    assertThat(run("watch", "smal", "--output", folder + "/output")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("Cannot watch smal: ");
  }

  @Test
  void listsTrialsWithoutRunningThem() {
    assertThat(sweep("--dry-run")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("mini-rte · lora r=4 qv · seed 1")
        .contains("1,002")
        .contains("4 trials, 4 to run");
    assertThat(folder.resolve("output")).doesNotExist();
  }

  @Test
  void saysByItsExitCodeThatTrialsFailed() {
    assertThat(sweep("--set", "rates.learning-rate=2")).isEqualTo(3);
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("failed: mini-rte · lora r=4 qv · seed 0: IllegalStateException: Cannot learn");
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("No trial is finished");
  }

  @Test
  void refusesABadFileInOneSentence() throws IOException {
    Files.writeString(file, SWEEP.replace("lora", "lorra"));
    assertThat(sweep()).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8).lines())
        .singleElement()
        .satisfies(line -> assertThat(line).contains("lorra").contains("small.yaml:6"));
  }

  @Test
  void refusesAFileThatIsNotThere() {
    assertThat(run("sweep", folder + "/none.yaml")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8).lines())
        .singleElement()
        .satisfies(line -> assertThat(line).contains("none.yaml").contains("no such file"));
  }

  @Test
  void refusesAnUnknownOption() {
    assertThat(sweep("--fast")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).startsWith("Cannot use --fast: ");
  }

  @Test
  void answersQueries() {
    sweep();
    out.reset();
    String counts = "SELECT method, count(*) AS n FROM trials GROUP BY method";
    assertThat(query(counts, "table")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("method  n\n──────  ─\nlora    4\n");
    out.reset();
    query(counts, "json");
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("{\"method\":\"lora\",\"n\":4}\n");
    out.reset();
    query("SELECT 'a,b' AS x, map('k', 1) AS y, null AS z", "csv");
    assertThat(out.toString(StandardCharsets.UTF_8))
        .isEqualTo("x,y,z\n\"a,b\",\"{\"\"k\"\":1}\",\n");
  }

  @Test
  void reportsOnASweep() {
    sweep();
    out.reset();
    assertThat(report("small", "--format", "text,md,html")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .startsWith("small: 4 of 4 trials finished.\n")
        .contains("Tie groups\n");
    assertThat(folder.resolve("output/small/report/report.md")).content().startsWith("# small\n");
    assertThat(folder.resolve("output/small/report/report.html")).content().contains("</html>");
    out.reset();
    assertThat(report("small", "--task", "mini-rte", "--within", "5KB")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .startsWith("For mini-rte within 5.0 KB use LoRA QV r=4 λ=1");
  }

  /** By name, by folder, and from another output folder. */
  @Test
  void reportsOnSeveralSweepsTogether() throws IOException {
    sweep();
    Path other =
        Files.writeString(
            folder.resolve("other.yaml"),
            SWEEP.replace("name: small", "name: other").replace("[4, 8]", "[8, 16]"));
    assertThat(run("sweep", other.toString(), "--output", folder + "/elsewhere")).isZero();
    out.reset();
    assertThat(report("small", folder + "/elsewhere/other", "--format", "text,html,csv"))
        .as(err.toString())
        .isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .startsWith("small + other: 6 of 6 trials finished.\n")
        .containsPattern("LoRA +QV +4 +1 ")
        .containsPattern("LoRA +QV +16 +1 ")
        .contains("output/_reports/small+other/report.html");
    assertThat(folder.resolve("output/_reports/small+other/report.html"))
        .content()
        .contains("</html>");
    assertThat(folder.resolve("output/_reports/small+other/report.csv")).exists();
    // What is written there is no sweep.
    assertThat(query("SELECT count(*) AS n FROM trials", "csv")).isZero();
    out.reset();
    assertThat(report("small", folder + "/elsewhere/other", "--task", "mini-rte")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).startsWith("For mini-rte within 1.0 MB use");
    assertThat(report("small", "nosuch")).isEqualTo(2);
    assertThat(report("small", folder + "/nosuch/")).isEqualTo(2);
    assertThat(report("small", "No Such")).isEqualTo(2);
    out.reset();
    assertThat(run("watch", folder + "/elsewhere/other", "--once")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("4 of 4 trials with a row");
  }

  @Test
  void refusesToReportOnWhatIsNotThere() {
    assertThat(report("none")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("no trial has ended there");
    sweep();
    err.reset();
    assertThat(report("small", "--task", "mini-rte", "--within", "1")).isEqualTo(2);
    assertThat(report("small", "--task", "mini-cola")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8))
        .isEqualTo(
            "Cannot use --within 1: give a number and a unit, such as 500KB or 1MB\n"
                + "Cannot choose for task mini-cola: choose one of mini-rte\n");
  }

  @Test
  void refusesAQueryThatSparkDoesNotUnderstand() {
    sweep();
    err.reset();
    assertThat(query("SELECT nothing FROM trials", "table")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8))
        .startsWith("Cannot answer the query: ")
        .contains("nothing")
        .doesNotContain("\tat ");
    Map<String, String> told =
        Map.of(
            "SELEKT",
            "Cannot answer",
            "SELECT * FROM nowhere",
            "Cannot use the table nowhere, which is no view (SHOW VIEWS lists them)",
            "SELECT CAST('x' AS INT)",
            "Cannot answer");
    told.forEach(
        (bad, start) -> {
          err.reset();
          assertThat(query(bad, "table")).isEqualTo(2);
          assertThat(err.toString(StandardCharsets.UTF_8).lines())
              .singleElement()
              .satisfies(line -> assertThat(line).startsWith(start).doesNotContain("["));
        });
  }

  @Test
  void refusesToQueryAFolderThatIsNotThere() {
    assertThat(query("SELECT 1", "table")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("no sweep has tables there");
  }

  @Test
  void printsWhatColumnsMean() {
    assertThat(run("schema")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("### `trials`")
        .contains("| `train_seconds` | double | wall clock of all steps, s |")
        .contains("### `predictions`");
  }

  @Test
  void runsExactlyWhatIsToRunAgain() {
    String rates = "rates.learning-rate=2";
    assertThat(sweep("--set", rates)).isEqualTo(3);
    String failed = folder().trials().firstKey();
    assertThat(sweep("--set", rates, "--rerun", failed)).isEqualTo(3);
    assertThat(folder().attempts().values()).containsExactly(2, 1, 1, 1);
    assertThat(sweep("--set", rates, "--rerun", "failed")).isEqualTo(3);
    assertThat(folder().attempts().values()).containsExactly(3, 2, 2, 2);
    assertThat(sweep("--set", rates, "--rerun", "oom,timeout,diverged")).isEqualTo(3);
    assertThat(folder().attempts().values()).containsExactly(3, 2, 2, 2);
  }

  @Test
  void runsATrialAgainThatFinished() {
    sweep();
    String id = folder().trials().firstKey();
    assertThat(sweep("--rerun", id)).isZero();
    assertThat(folder().attempts()).containsEntry(id, 2);
    assertThat(folder().attempts().values()).containsExactly(2, 1, 1, 1);
  }

  @Test
  void refusesToRunAgainWhatItDoesNotKnow() {
    assertThat(sweep("--rerun", "failled")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8))
        .startsWith("Cannot run failled again: give failed, oom, diverged");
  }

  @Test
  void letsTheUserDecideOnStaleRows() throws IOException {
    sweep();
    String id = makeStale();
    assertThat(sweep()).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("Cannot run small: 1 trials have rows of an older version of their method; give");
    out.reset();
    assertThat(sweep("--stale", "keep")).isZero();
    assertThat(folder().trials()).doesNotContainKey(id);
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("51.05 ± 122.27");
    assertThat(reported()).contains("small: 4 of 4 trials finished.");
    assertThat(sweep("--stale", "keep")).isZero();
    assertThat(reported()).contains("small: 4 of 4 trials finished.");
    assertThat(sweep("--stale", "rerun")).isZero();
    assertThat(folder().trials()).containsKey(id);
    assertThat(folder().attempts().values()).containsOnly(1);
    assertThat(reported()).contains("small: 4 of 4 trials finished.");
    // The new row stands for the trial; the old one is shown no more.
    out.reset();
    assertThat(sweep()).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("51.05 ± 122.27");
  }

  /** Returns what the report says of the sweep. */
  private String reported() {
    out.reset();
    assertThat(run("report", "small", "--format", "text", "--output", folder + "/output")).isZero();
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void saysWhoRunsTheSweepAndLeaves() throws Exception {
    Configuration files = new Configuration();
    try (Lease lease = Lease.take(folder(), files, Lease.Timing.STANDARD, () -> {})) {
      assertThat(sweep()).isEqualTo(1);
    }
    assertThat(err.toString(StandardCharsets.UTF_8).lines().skip(1))
        .singleElement()
        .asString()
        .contains("Cannot run small: process " + ProcessHandle.current().pid());
    assertThat(sweep()).isZero();
  }

  @Test
  void waitsForTheOtherDriver() throws Exception {
    Configuration files = new Configuration();
    Lease lease = Lease.take(folder(), files, Lease.Timing.STANDARD, () -> {});
    Thread other =
        new Thread(
            () -> {
              try (lease) {
                long until = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
                while (!err.toString(StandardCharsets.UTF_8).contains("Waiting")
                    && System.nanoTime() < until) {
                  Thread.sleep(20);
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    other.start();
    assertThat(sweep("--wait")).isZero();
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("or stop it. Waiting");
  }

  @Test
  void replaysARowAndSaysWhetherItCameOutEqual() {
    sweep();
    out.reset();
    String id = folder().trials().firstKey();
    String[] replay = {"replay", id, "--output", folder + "/output"};
    assertThat(run(replay)).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .matches("equal: mini-rte .*: 3 points of the curve and 3 predictions\n");
    out.reset();
    assertThat(run(new StandInEngine(1e-9), replay)).isEqualTo(1);
    assertThat(out.toString(StandardCharsets.UTF_8))
        .matches("different: mini-rte .* score 0\\.\\d+ at step 0 is stored, it is .* now\n");
    assertThat(folder().attempts().values()).containsOnly(1);
  }

  @Test
  void refusesToReplayWhatHasNoRow() {
    sweep();
    assertThat(run("replay", "0123", "--output", folder + "/output")).isEqualTo(2);
    assertThat(err.toString(StandardCharsets.UTF_8)).contains("Cannot replay 0123: no row");
  }

  /** Makes a trial's row one of an older version of its method; returns the trial's id. */
  private String makeStale() throws IOException {
    String id = folder().trials().firstKey();
    String json =
        ResultTables.of(LocalSpark.session(), folder())
            .trials()
            .where("id = '" + id + "'")
            .first()
            .getAs("trial");
    Trial trial = Trial.fromJson(json);
    for (String table : List.of("trials", "curves", "predictions", "layers")) {
      try (Stream<Path> files = Files.list(folder.resolve("output/small/" + table))) {
        for (Path part : files.filter(f -> f.toString().contains(id)).toList()) {
          Files.delete(part);
        }
      }
    }
    Outcome outcome =
        Samples.finished(0.5 + trial.rates().ratio() / 100 + trial.seed() / 1000.0, 3);
    folder()
        .publish(
            new TrialRow(
                "small",
                "0".repeat(12),
                trial.title(),
                1,
                trial,
                outcome,
                Samples.PLACE,
                Samples.START,
                Samples.START.plusSeconds(1),
                null));
    return id;
  }

  private ResultFolder folder() {
    return new ResultFolder(
        new org.apache.hadoop.fs.Path(folder + "/output/small"), new Configuration());
  }

  private int sweep(String... more) {
    String[] args = {"sweep", file.toString(), "--output", folder + "/output"};
    String[] all = Arrays.copyOf(args, args.length + more.length);
    System.arraycopy(more, 0, all, args.length, more.length);
    return run(all);
  }

  private int report(String... args) {
    String[] all = Arrays.copyOf(new String[] {"report"}, args.length + 3);
    System.arraycopy(args, 0, all, 1, args.length);
    all[args.length + 1] = "--output";
    all[args.length + 2] = folder + "/output";
    return run(all);
  }

  private int query(String sql, String format) {
    return run("query", sql, "--output", folder + "/output", "--format", format);
  }

  private int run(String... args) {
    return run(new StandInEngine(), args);
  }

  private int run(Engine engine, String... args) {
    return Main.run(
        engine,
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        args);
  }
}
