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
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Requests;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.sweep.StandInEngine;

/** Sweeps that search, on trials that train nothing: a recipe is the better the higher its λ. */
class SearchInSweepsTest {
  private static final String GRID =
      """
      name: found
      model: builtin:mini
      tasks: [mini-rte]
      validation-fraction: 0.1
      training: {max-steps: 20}
      grid:
        - {method: lora, rank: [4, 8], ratio: [1, 2, 3, 4, 5, 6, 7, 8]}
      """;

  private static final String ASHA = "stopping: {rule: asha, cohort: 4, first-rung: 0.1}\n";

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @TempDir Path folder;

  @BeforeAll
  static void startSpark() {
    LocalSpark.session();
  }

  @Test
  void ashaStopsMostAndSaysWhy() throws IOException {
    assertThat(sweep(GRID + ASHA)).as(said()).isZero();
    assertThat(
            query("SELECT status, rung, count(*), max(ratio) FROM trials GROUP BY 1, 2 ORDER BY 2"))
        .isEqualTo("finished,,1,8.0\nstopped,0,12,7.0\nstopped,1,3,8.0\n");
    assertThat(query("SELECT reason FROM trials WHERE status = 'stopped'").lines())
        .hasSize(15)
        .allMatch(reason -> reason.matches(".*asha: 0\\.\\d{4} at rung [01] \\(\\d+ % of its .*"));
    assertThat(query("SELECT kind, count(*) FROM events WHERE kind = 'submitted' GROUP BY 1"))
        .isEqualTo("submitted,21\n");
    assertThat(said()).contains("asha looks at them after 10 %, 40 % of their steps");
    String before = query("SELECT id, attempt, status, reason FROM trials ORDER BY id");
    assertThat(sweep(GRID + ASHA)).isZero();
    assertThat(query("SELECT id, attempt, status, reason FROM trials ORDER BY id"))
        .isEqualTo(before);
  }

  @Test
  void aStoppedTrialGoesOnAndAGridFinishesTheRest() throws IOException {
    assertThat(sweep(GRID + ASHA)).isZero();
    String id = query("SELECT id FROM trials WHERE status = 'stopped' ORDER BY id LIMIT 1").strip();
    assertThat(sweep(GRID + ASHA, "--continue", id)).as(said()).isEqualTo(3);
    assertThat(query("SELECT status, steps FROM trials WHERE id = '" + id + "'"))
        .isEqualTo("finished,20\n");
    err.reset();
    assertThat(sweep(GRID + ASHA, "--continue", id)).isEqualTo(2);
    assertThat(said()).contains("Cannot continue " + id + ": give ids of trials whose status is");
    assertThat(sweep(GRID + ASHA)).as(said()).isZero();
    assertThat(sweep(GRID)).as(said()).isZero();
    assertThat(query("SELECT status, count(*) FROM trials GROUP BY 1")).isEqualTo("finished,16\n");
    // Rows of the grid decide a search over the same settings.
    err.reset();
    assertThat(sweep(GRID + ASHA.replace("4,", "8,"))).isZero();
    assertThat(query("SELECT count(*) FROM events WHERE kind = 'submitted'")).isEqualTo("37\n");
  }

  @Test
  void tpeFindsTheBestOfARangeAndGoesOnWhereItWas() throws IOException {
    String tpe =
        GRID.replace("[1, 2, 3, 4, 5, 6, 7, 8]", "{from: 1, to: 16, scale: log}")
            + "search: {strategy: tpe, trials: 24, startup: 6, batch: 3}\n";
    assertThat(sweep(tpe, "--dry-run")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("proposed by tpe, 24 a task");
    assertThat(sweep(tpe)).as(said()).isZero();
    assertThat(query("SELECT count(*), max(ratio) > 13 FROM trials")).isEqualTo("24,true\n");
    String ids = query("SELECT id FROM trials ORDER BY id");
    assertThat(sweep(tpe)).as(said()).isZero();
    assertThat(query("SELECT id FROM trials ORDER BY id")).isEqualTo(ids);
    // What is lost is proposed again.
    try (Stream<Path> files = Files.list(folder.resolve("output/found/trials"))) {
      for (Path file : files.sorted().skip(5).limit(12).toList()) {
        Files.delete(file);
      }
    }
    assertThat(sweep(tpe)).as(said()).isZero();
    assertThat(query("SELECT id FROM trials ORDER BY id")).isEqualTo(ids);
  }

  @Test
  void aWarmStartKnowsWhatWasGoodElsewhere() throws IOException {
    assertThat(sweep(GRID)).isZero();
    String warm =
        GRID.replace("found", "warm").replace("mini-rte", "mini-cola")
            + "search: {strategy: tpe, trials: 4, startup: 4, batch: 2}\nwarm-start: [found]\n";
    assertThat(sweep(warm)).as(said()).isZero();
    assertThat(query("SELECT max(ratio) FROM trials WHERE sweep = 'warm'")).isEqualTo("8.0\n");
    err.reset();
    assertThat(sweep(warm.replace("[found]", "[fuond]"))).isEqualTo(2);
    assertThat(said()).contains("Cannot use warm-start = fuond: there are no trials in");
  }

  @Test
  void tuningSearchesAndEvaluationsRunToTheirEnd() throws IOException {
    String tuned = GRID + ASHA + "tuning-seeds: [0, 1]\nevaluation-seeds: [2, 3]\nselect: [rank]\n";
    assertThat(sweep(tuned)).as(said()).isZero();
    assertThat(
            query(
                "SELECT phase, status, count(*), max(ratio) FROM trials GROUP BY 1, 2 ORDER BY 1, 2"))
        .isEqualTo("evaluation,finished,4,8.0\ntuning,finished,4,8.0\ntuning,stopped,28,8.0\n");
  }

  @Test
  void failuresLeaveNothingUndecided() throws IOException {
    String failing = GRID.replace("rank: [4, 8]", "learning-rate: [1e-3, 2]") + ASHA;
    assertThat(sweep(failing)).as(said()).isEqualTo(3);
    assertThat(
            query("SELECT status, count(*), max(learning_rate) FROM trials GROUP BY 1 ORDER BY 1"))
        .startsWith("failed,8,2.0\nfinished,1,0.001\n");
    String before = query("SELECT id, attempt FROM trials ORDER BY id");
    assertThat(sweep(failing)).isEqualTo(3);
    assertThat(query("SELECT id, attempt FROM trials ORDER BY id")).isEqualTo(before);
  }

  @Test
  void usersStopTrialsAndCapSweeps() throws IOException {
    assertThat(sweep(GRID, "--dry-run")).isZero();
    List<String> ids =
        out.toString(StandardCharsets.UTF_8)
            .lines()
            .map(line -> line.split(" ")[0])
            .filter(word -> word.matches("[0-9a-f]{12}"))
            .toList();
    Files.createDirectories(folder.resolve("output/found"));
    ResultFolder results =
        new ResultFolder(
            new org.apache.hadoop.fs.Path(folder + "/output/found"), new Configuration());
    Requests.NONE.upTo(9).write(results, new Configuration());
    assertThat(sweep(GRID + ASHA)).as(said()).isEqualTo(1);
    assertThat(said()).contains("capped at 9 trials");
    assertThat(query("SELECT count(*) FROM trials")).isEqualTo("9\n");
    assertThat(run("watch", "found", "--stop", "nothing")).isEqualTo(2);
    assertThat(run("watch", "found", "--cap", "soon")).isEqualTo(2);
    assertThat(run("watch", "found", "--cap", "99", "--stop", String.join(",", ids))).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("found: 16 trials are asked to stop, capped at 99 trials");
    sweep(GRID + ASHA);
    assertThat(query("SELECT count(*) FROM trials WHERE status = 'finished'")).isEqualTo("0\n");
  }

  @Test
  void simulatesRulesOverAFinishedGrid() throws IOException {
    assertThat(sweep(GRID.replace("training", "seeds: [0, 1]\ntraining"))).isZero();
    assertThat(run("simulate", "found", "--orders", "3", "--trials", "100")).as(said()).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("mini-rte: 16 recipes, 3 orders")
        .containsPattern("random +none +100 % +100.0 % +100.0 % +0.00 +0.00 +3 of 3")
        .containsPattern("random +asha +100 % +\\d\\d.\\d %")
        .containsPattern("tpe +predict ");
    assertThat(run("simulate", "found", "--rules", "best")).isEqualTo(2);
    assertThat(run("simulate", "nowhere")).isEqualTo(2);
  }

  private int sweep(String text, String... more) throws IOException {
    String name = text.lines().findFirst().orElseThrow().substring("name: ".length());
    Path file = Files.writeString(folder.resolve(name + ".yaml"), text);
    List<String> words = new java.util.ArrayList<>(List.of("sweep", file.toString()));
    words.addAll(Arrays.asList(more));
    return run(words.toArray(String[]::new));
  }

  private int run(String... words) {
    String[] all = Arrays.copyOf(words, words.length + 2);
    all[words.length] = "--output";
    all[words.length + 1] = folder.resolve("output").toString();
    return Main.run(
        new StandInEngine(),
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        all);
  }

  private String said() {
    return err.toString(StandardCharsets.UTF_8);
  }

  /** Returns the rows without the header. */
  private String query(String sql) {
    out.reset();
    assertThat(run("query", "--format", "csv", sql)).as(said()).isZero();
    String text = out.toString(StandardCharsets.UTF_8);
    out.reset();
    return text.substring(text.indexOf('\n') + 1);
  }
}
