package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.peftsweep.method.LoRA;
import org.peftsweep.model.Role;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.Samples;
import org.peftsweep.results.Scores;
import org.peftsweep.results.TrialFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome;

/** Sweeps that search, on trials that train nothing: a recipe is the better the higher its λ. */
class SearchInSweepsTest extends PlayedSweeps {
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

  SearchInSweepsTest() {
    super("found");
  }

  @Test
  void stopsMostSaysWhyContinuesThemAndIsReplayed() throws IOException {
    assertThat(sweep(GRID + ASHA)).as(said()).isZero();
    assertThat(said()).contains("asha looks at them after 10 %, 40 % of their steps");
    assertThat(statuses()).isEqualTo(Map.of("finished", 1L, "stopped", 15L));
    assertThat(best()).contains("λ=8");
    out.reset();
    assertThat(
            run(
                "query",
                "--format",
                "csv",
                "SELECT rung, reason FROM trials WHERE status='stopped'"))
        .isZero();
    List<String> rows = out.toString(StandardCharsets.UTF_8).lines().skip(1).toList();
    assertThat(rows)
        .hasSize(15)
        .allMatch(row -> row.matches("[01],.*asha: 0\\.\\d{4} at rung [01] \\(\\d+ % of its .*"));

    String stopped =
        results().trials().values().stream()
            .filter(file -> TrialFile.word(file.status()).equals("stopped"))
            .findFirst()
            .orElseThrow()
            .id();
    assertThat(sweep(GRID + ASHA, "--continue", stopped)).as(said()).isEqualTo(3);
    assertThat(statuses()).isEqualTo(Map.of("finished", 2L, "stopped", 14L));
    assertThat(sweep(GRID + ASHA, "--continue", stopped)).isEqualTo(2);
    assertThat(said()).contains("Cannot continue " + stopped + ": give ids of trials whose");

    assertThat(sweep(GRID)).as(said()).isZero();
    assertThat(statuses()).isEqualTo(Map.of("finished", 16L));
    out.reset();
    assertThat(run("simulate", "found", "--orders", "3", "--trials", "100")).as(said()).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("mini-rte: 16 recipes, 3 orders")
        .containsPattern("random +none +100 % +100.0 % +100.0 % +0.00 +0.00")
        .containsPattern("random +asha +100 % +\\d\\d.\\d %")
        .containsPattern("tpe +predict ");
    assertThat(run("simulate", "found", "--rules", "best")).isEqualTo(2);
    assertThat(run("simulate", "nowhere")).isEqualTo(2);
  }

  /** A recipe whose scores are undefined is one that lost; a sweep of such alone tells nothing. */
  @Test
  void simulatesWhereSomeTrialsHaveNoDefinedScore() throws IOException {
    for (int undefined = 1; undefined <= 6; undefined++) {
      ResultFolder results =
          new ResultFolder(
              new org.apache.hadoop.fs.Path(folder + "/output/u" + undefined), new Configuration());
      for (int ratio = 1; ratio <= 6; ratio++) {
        Trial trial =
            Samples.trial("rte", new LoRA(8, 16, 0), Set.of(Role.QUERY, Role.VALUE), ratio, 0);
        boolean isUndefined = ratio > 6 - undefined;
        Outcome outcome = isUndefined ? Samples.tuned(Double.NaN) : Samples.finished(0.5, 0);
        results.publish(Samples.row(results.sweep(), trial, 1, outcome));
      }
      int code = run("simulate", results.sweep(), "--orders", "3", "--trials", "100");
      if (undefined < 6) {
        assertThat(code).as(said()).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8))
            .contains("rte: 6 recipes, 3 orders")
            .containsPattern("random +none +100 % +100.0 % +100.0 % +0.00 +0.00");
      } else {
        assertThat(code).isEqualTo(2);
        assertThat(said()).contains("u6: none of its trials has a validation score");
      }
      out.reset();
    }
  }

  @Test
  void curvesOfAttemptsThatWereKilledBeforeTheirRowsDecideNothing() throws IOException {
    assertThat(sweep(GRID + ASHA)).as(said()).isZero();
    List<TrialFile> calm = results().trialFiles();
    for (int seed = 0; seed < 3; seed++) {
      // As killed between a curve and its row: any number of a trial's last rows never came.
      Random random = new Random(seed);
      Map<String, Integer> kept = new TreeMap<>();
      results().attempts().forEach((id, last) -> kept.put(id, random.nextInt(1 + last)));
      int killed = 0;
      try (Stream<Path> rows = Files.list(folder.resolve("output/found/trials"))) {
        for (Path row : rows.sorted().toList()) {
          String[] name = row.getFileName().toString().split("-");
          if (name.length == 3 && Integer.parseInt(name[1]) > kept.get(name[0])) {
            Files.delete(row);
            killed++;
          }
        }
      }
      assertThat(killed).isPositive();
      assertThat(sweep(GRID + ASHA)).as(said()).isZero();
      assertThat(results().trialFiles()).containsExactlyInAnyOrderElementsOf(calm);
    }
  }

  @Test
  void proposesTheSameAgainAndStartsFromOtherSweeps() throws IOException {
    String tpe =
        GRID.replace("[1, 2, 3, 4, 5, 6, 7, 8]", "{from: 1, to: 16, scale: log}")
            + "search: {strategy: tpe, trials: 20, startup: 6, batch: 3}\n";
    assertThat(sweep(tpe, "--dry-run")).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).contains("proposed by tpe, 20 a task");
    assertThat(sweep(tpe)).as(said()).isZero();
    Set<String> ids = new TreeSet<>(results().trials().keySet());
    assertThat(ids).hasSize(20);
    assertThat(best()).containsPattern("λ=1[3-6]");
    // What is lost is proposed again.
    try (Stream<Path> files = Files.list(folder.resolve("output/found/trials"))) {
      List<Path> rows =
          files.filter(file -> file.toString().contains("finished")).sorted().toList();
      for (Path file : rows.subList(5, 17)) {
        Files.delete(file);
      }
    }
    assertThat(sweep(tpe)).as(said()).isZero();
    assertThat(results().trials().keySet()).isEqualTo(ids);

    String warm =
        tpe.replace("found", "warm").replace("mini-rte", "mini-cola").replace("20,", "4,")
            + "warm-start: [found]\n";
    assertThat(sweep(warm)).as(said()).isZero();
    Set<String> titles = new TreeSet<>();
    new Scores(results("warm"), new Configuration())
        .look()
        .forEach(score -> titles.add(score.title()));
    assertThat(titles).hasSize(4).anyMatch(title -> title.matches(".*λ=1[3-6].*"));
    assertThat(sweep(warm.replace("[found]", "[fuond]"))).isEqualTo(2);
    assertThat(said()).contains("Cannot use warm-start = fuond: there are no trials in");
  }

  @Test
  void searchesTuningTrialsAloneAndIsDecidedInSpiteOfFailures() throws IOException {
    String tuned =
        GRID.replace("rank: [4, 8]", "learning-rate: [1e-3, 2]")
            + ASHA
            + "tuning-seeds: [0, 1]\nevaluation-seeds: [2, 3]\nselect: [method]\n";
    assertThat(sweep(tuned)).as(said()).isEqualTo(3);
    // Rates above 1 fail, with both seeds each; the winner's evaluations run to their end.
    assertThat(statuses()).isEqualTo(Map.of("failed", 16L, "finished", 4L, "stopped", 14L));
    Set<String> files = files();
    assertThat(sweep(tuned)).isEqualTo(3);
    assertThat(files()).isEqualTo(files);
  }

  /** What rows do not tell is measured: the same trials, once more. */
  @Test
  void rowsWithoutRetentionBeginAnewOnceItIsAskedFor() throws IOException {
    String plain =
        GRID.replace("mini-rte", "mini-ask").replace("builtin:mini", "builtin:mini-causal");
    String asked = plain + "retention: mini-text\n";
    for (String search : List.of("", ASHA)) {
      assertThat(sweep(plain + search)).as(said()).isZero();
      Map<String, Integer> attempts = results().attempts();
      assertThat(sweep(asked + search, "--dry-run")).isZero();
      assertThat(out.toString(StandardCharsets.UTF_8))
          .contains("16 trials begin anew: their rows do not tell what was kept of mini-text");
      assertThat(sweep(asked + search)).as(said()).isZero();
      Map<String, Integer> again = new TreeMap<>(attempts);
      again.replaceAll((id, attempt) -> results().attempts().get(id) - attempt);
      assertThat(again.values()).as(search).allMatch(more -> more >= 1);
      Set<String> files = files();
      assertThat(sweep(asked + search)).isZero();
      assertThat(sweep(plain + search)).isZero();
      assertThat(files()).isEqualTo(files);
      out.reset();
      assertThat(run("query", "SELECT count(*) FROM trials WHERE retention = 'mini-text'"))
          .isZero();
      assertThat(out.toString(StandardCharsets.UTF_8)).contains("16");
      delete();
    }
  }

  private void delete() throws IOException {
    org.apache.commons.io.FileUtils.deleteDirectory(folder.resolve("output").toFile());
  }

  private Set<String> files() throws IOException {
    Set<String> names = new TreeSet<>();
    results().trialFiles().forEach(file -> names.add(file.toString()));
    return names;
  }

  /** Title of the best finished trial. */
  private String best() {
    return Scores.best(new Scores(results(), new Configuration()).look()).get("mini-rte").title();
  }
}
