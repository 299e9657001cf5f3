package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.results.Lease;
import org.peftsweep.results.Requests;
import org.peftsweep.results.TrialFile;

/** What users ask of a run is asked of that run alone. Trials train nothing and take 0.1 s. */
class RequestsInSweepsTest extends PlayedSweeps {
  private static final String GRID =
      """
      name: asked
      model: builtin:mini
      tasks: [mini-rte]
      validation-fraction: 0.1
      training: {max-steps: 20}
      grid:
        - {method: lora, rank: [4, 8], ratio: [1, 2]}
      """;

  private static final String CONTEST =
      GRID + "stopping: {rule: asha, cohort: 4, first-rung: 0.1}\n";

  private static final String LONG =
      GRID.replace("[1, 2]", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]");

  RequestsInSweepsTest() {
    super("asked");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"trials\": 1}",
        "{\"run\": \"%s\", \"stops\": [], \"trials\": 1}",
        "{\"run\": \"%s\", \"until\": \"2020-01-01T00:00:00Z\"}",
        "{\"stops\": [%s], \"trials\": null, \"until\": \"2020-01-01T00:00:00Z\"}",
        "{\"run\": \"%s\", \"stops\": [%s]}",
        "{\"run\": \"%s\", \"stops\": [%s], \"trials\": 1, \"until\": \"2020-01-01T00:00:00Z\"}",
        "{\"run\": null, \"trials\": 0}",
        "{\"run\": \"%s\", \"trials\": ",
      })
  void whatAnEarlierRunWasAskedHoldsNoLaterOneBack(String left) throws Exception {
    for (String text : List.of(GRID, CONTEST)) {
      assertThat(sweep(text, "--dry-run")).as(said()).isZero();
      String ids =
          out.toString(StandardCharsets.UTF_8)
              .lines()
              .filter(line -> line.matches("[0-9a-f]{12} .*"))
              .map(line -> '"' + line.substring(0, 12) + '"')
              .distinct()
              .reduce((a, b) -> a + ", " + b)
              .orElse("");
      String run = earlierRun();
      Files.writeString(
          folder.resolve("output/asked/requests.json"),
          left.replace("\"%s\"", '"' + run + '"').replace("%s", ids));
      assertThat(sweep(text)).as("%s %s", left, said()).isZero();
      assertThat(results().trials()).hasSize(4);
      org.apache.commons.io.FileUtils.deleteDirectory(folder.resolve("output").toFile());
      out.reset();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"5", "9", "1s"})
  void aCappedRunNamesTheCapAndTheSameCommandGoesOn(String cap) throws Exception {
    int code = asking(LONG, () -> run("watch", "asked", "--cap", cap));
    assertThat(code).as(said()).isEqualTo(1);
    int rows = results().trials().size();
    assertThat(said())
        .containsPattern(
            "Stopped, capped at (\\d trials|\\S+Z): "
                + rows
                + " of 24 trials have a row; the same command goes on from here");
    assertThat(rows).isLessThan(24);
    if (!cap.endsWith("s")) {
      assertThat(rows).isEqualTo(Integer.parseInt(cap));
    }
    assertThat(sweep(LONG)).as(said()).isZero();
    assertThat(results().trials()).hasSize(24);
  }

  @Test
  void aCapTakesThePlaceOfTheOneBefore() throws Exception {
    int code =
        asking(
            LONG,
            () -> {
              run("watch", "asked", "--cap", "1s");
              run("watch", "asked", "--cap", "99");
            });
    assertThat(code).as(said()).isZero();
    assertThat(results().trials()).hasSize(24);
  }

  @Test
  void trialsThatAreAskedToStopStartWithTheNextRun() throws Exception {
    assertThat(sweep(LONG, "--dry-run")).isZero();
    List<String> stopped =
        out.toString(StandardCharsets.UTF_8)
            .lines()
            .filter(line -> line.matches("[0-9a-f]{12} .*"))
            .map(line -> line.substring(0, 12))
            .distinct()
            .limit(3)
            .toList();
    assertThat(stopped).hasSize(3);
    // Before anything is planned, when watch does not know the ids yet.
    int code =
        asking(
            LONG,
            () -> {
              String run = Lease.running(results(), new Configuration()).orElseThrow();
              new Requests(run, Set.copyOf(stopped), null, null)
                  .write(results(), new Configuration());
            });
    assertThat(code).as(said()).isEqualTo(1);
    assertThat(said()).contains("Stopped, 3 trials were asked not to start: 21 of 24 trials");
    assertThat(results().trials().keySet()).doesNotContainAnyElementsOf(stopped);
    assertThat(sweep(LONG)).as(said()).isZero();
    assertThat(results().trials()).hasSize(24);
  }

  /** As a driver that dies, and the same command: the run goes on, as does what it was asked. */
  @Test
  void aRunThatTakesUpADeadOneHearsWhatThatWasAsked() throws Exception {
    String run = earlierRun(true);
    new Requests(run, Set.of(), null, null).upTo(2).write(results(), new Configuration());
    assertThat(sweep(GRID)).as(said()).isEqualTo(1);
    assertThat(said()).contains("Stopped, capped at 2 trials: 2 of 4 trials");
    assertThat(sweep(GRID)).as(said()).isZero();
    assertThat(results().trials()).hasSize(4);
  }

  @Test
  void nobodyIsAskedWhereNoRunGoesOn() throws Exception {
    assertThat(sweep(GRID)).as(said()).isZero();
    String id = results().trials().keySet().iterator().next();
    for (boolean isDead : List.of(false, true)) {
      earlierRun(isDead);
      assertThat(run("watch", "asked", "--cap", "9")).isEqualTo(2);
      assertThat(said())
          .contains("Cannot ask asked for a cap of 9: no run of it goes on; start it, then ask");
      assertThat(run("watch", "asked", "--stop", id)).isEqualTo(2);
      assertThat(said())
          .contains("Cannot ask asked to stop trials: no run of it goes on; start it, then ask");
    }
  }

  /** A search goes by what users stopped, as the rows say, until one is told to go on. */
  @Test
  void whatWasStoppedInASearchStandsUntilItIsContinued() throws Exception {
    String contest =
        LONG.replace(", 9, 10, 11, 12", "")
            + "stopping: {rule: asha, cohort: 4, first-rung: 0.1}\n";
    List<String> asked = new ArrayList<>();
    asking(
        contest,
        () -> {
          while (results().trials().size() < 3) {
            Thread.sleep(20);
          }
          asked.addAll(results().manifest().orElseThrow().asked().keySet());
          assertThat(run("watch", "asked", "--stop", String.join(",", asked))).isZero();
        });
    Map<String, Long> statuses = statuses();
    assertThat(statuses.get("stopped")).isGreaterThanOrEqualTo(3);
    assertThat(reasons()).contains("asked to stop");
    long stood = reasons().stream().filter("asked to stop"::equals).count();
    sweep(contest);
    assertThat(reasons().stream().filter("asked to stop"::equals).count()).isEqualTo(stood);
    String one =
        results().trials().values().stream()
            .filter(file -> TrialFile.word(file.status()).equals("stopped"))
            .map(TrialFile::id)
            .findFirst()
            .orElseThrow();
    sweep(contest, "--continue", one);
    assertThat(TrialFile.word(results().trials().get(one).status())).isEqualTo("finished");
  }

  private List<String> reasons() {
    out.reset();
    assertThat(run("query", "--format", "csv", "SELECT reason FROM trials WHERE status='stopped'"))
        .as(said())
        .isZero();
    return out.toString(StandardCharsets.UTF_8).lines().skip(1).toList();
  }

  /** What a test does while a run goes on. */
  @FunctionalInterface
  private interface Asking {
    void ask() throws Exception;
  }

  /** Runs a sweep, and asks while its driver holds the lease. */
  private int asking(String text, Asking asking) throws Exception {
    CompletableFuture<Integer> code = CompletableFuture.supplyAsync(() -> sweep(text));
    while (Lease.running(results(), new Configuration()).isEmpty()) {
      assertThat(code.isDone()).as(said()).isFalse();
      Thread.sleep(1);
    }
    asking.ask();
    return code.get();
  }

  private String earlierRun() throws Exception {
    return earlierRun(false);
  }

  /**
   * Leaves what a driver run left, and returns its token.
   *
   * @param isDead whether it died and so did not give the lease back
   */
  private String earlierRun(boolean isDead) throws Exception {
    Path file = folder.resolve("output/asked/_lease.json");
    Lease lease = Lease.take(results(), new Configuration(), Lease.Timing.STANDARD, () -> {});
    String text = Files.readString(file);
    lease.close();
    if (isDead) {
      Process dead = new ProcessBuilder("true").start();
      dead.waitFor();
      Files.writeString(file, text.replaceAll("\"pid\":\\d+", "\"pid\":" + dead.pid()));
    }
    return lease.token();
  }
}
