package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.method.LoRA;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Reports over several sweeps. */
class JointReportTest {
  @TempDir Path output;

  @Test
  void recipesOfBothStandInOneTable() {
    SampleSweep first = new SampleSweep(output, "first");
    SampleSweep second = new SampleSweep(output, "second");
    first.add(lora(4, 0), 0.60);
    second.add(lora(8, 0), 0.70);
    second.add(lora(8, 1), 0.80);
    Report report = report(first, second);
    assertThat(report.state()).isEqualTo("first + second: 3 of 3 trials finished.");
    assertThat(benchmark(report))
        .containsPattern("LoRA +QV +4 .*60\\.00")
        .containsPattern("LoRA +QV +8 .*75\\.00")
        .doesNotContain("sweep");
    assertThat(report.recommendation("rte", 1_000_000).advice()).startsWith("For rte within");
    for (Printed format : Printed.values()) {
      assertThat(format.of(report)).contains("rte");
    }
    assertThat(report.sections())
        .allSatisfy(
            section -> assertThat(section.source()).contains("sweep IN ('first', 'second')"));
  }

  @Test
  void seedsOfOneRecipeAreAveragedWhereverTheyRan() {
    SampleSweep first = new SampleSweep(output, "first");
    SampleSweep second = new SampleSweep(output, "second");
    first.add(lora(8, 0), 0.60);
    second.add(lora(8, 1), 0.80);
    assertThat(benchmark(report(first, second))).containsPattern("LoRA +QV +8 .*70\\.00");
  }

  @Test
  void aTrialThatBothRanCountsOnce() {
    SampleSweep first = new SampleSweep(output, "first");
    SampleSweep second = new SampleSweep(output, "second");
    first.fail(lora(4, 0), Status.OOM, "no memory");
    second.add(lora(4, 0), 0.50);
    first.add(lora(8, 0), 0.60);
    second.add(lora(8, 0), 0.60);
    Report report = report(first, second);
    assertThat(report.state()).isEqualTo("first + second: 2 of 2 trials finished.");
    assertThat(report.results().runs()).hasSize(2);
    assertThat(benchmark(report)).containsPattern("LoRA +QV +4 .*50\\.00");
  }

  @Test
  void tasksOfOneNameThatDifferAreKeptApart() {
    SampleSweep first = new SampleSweep(output, "first");
    SampleSweep second = new SampleSweep(output, "second");
    SampleSweep third = new SampleSweep(output, "third");
    first.add(lora(8, 0), 0.60);
    Trial asked = lora(8, 0);
    second.add(withData(asked, "ef".repeat(32)), 0.70);
    third.add(withModel(asked, "01".repeat(32)), 0.80);
    Report report = report(first, second, third);
    assertThat(report.results().tasks())
        .containsExactlyInAnyOrder("rte (first)", "rte (second)", "rte (third)");
    assertThat(report.state())
        .contains("The sweeps define rte with different data and base model: ")
        .endsWith("rte (first), rte (second), rte (third) are kept apart.");
    assertThat(report.recommendation("rte (second)", 1_000_000).table().text()).contains("70.00");
    assertThat(report.results().lines()).hasSize(1);
  }

  @Test
  void whereModelAndDataLieMakesNoDifference() {
    SampleSweep first = new SampleSweep(output, "first");
    SampleSweep second = new SampleSweep(output, "second");
    first.add(lora(8, 0), 0.60);
    second.add(elsewhere(lora(8, 1)), 0.80);
    assertThat(benchmark(report(first, second))).containsPattern("LoRA +QV +8 .*70\\.00");
  }

  /** A setting without a column must not be averaged over. */
  @Test
  void sweepsThatDifferInWhatNoColumnShowsAreNamed() {
    SampleSweep first = new SampleSweep(output, "first");
    SampleSweep second = new SampleSweep(output, "second");
    first.add(lora(8, 0), 0.60);
    second.add(withDataSeed(lora(8, 0), 3), 0.80);
    assertThat(benchmark(report(first, second)))
        .contains("sweep")
        .containsPattern("LoRA .* first .*60\\.00")
        .containsPattern("LoRA .* second .*80\\.00");
  }

  @Test
  void sweepsOfOneNameAreToldApartByTheirFolders() {
    SampleSweep first = new SampleSweep(output.resolve("a"), "same");
    SampleSweep second = new SampleSweep(output.resolve("b"), "same");
    first.add(lora(8, 0), 0.60);
    second.add(withDataSeed(lora(8, 0), 3), 0.80);
    Report report = report(first, second);
    assertThat(report.state()).startsWith("a/same + b/same: 2 of 2");
    assertThat(benchmark(report)).contains("a/same").contains("b/same");
  }

  /** Whatever two sweeps hold, no trial is lost, counted twice or averaged with another recipe. */
  @Test
  void nothingIsLostOrCountedTwice() {
    Random random = new Random(3);
    for (int round = 0; round < 3; round++) {
      SampleSweep first = new SampleSweep(output.resolve("r" + round), "first");
      SampleSweep second = new SampleSweep(output.resolve("r" + round), "second");
      Map<String, Double> scores = new TreeMap<>();
      for (int i = 0; i < 8; i++) {
        Trial trial = lora(1 << random.nextInt(3), random.nextInt(2));
        trial = random.nextBoolean() ? trial : withData(trial, "ef".repeat(32));
        double score = scores.computeIfAbsent(trial.id(), id -> random.nextInt(100) / 100.0);
        (random.nextBoolean() ? first : second).add(trial, score);
      }
      second.add(lora(64, 0), 0.5);
      first.add(lora(64, 1), 0.5);
      scores.put(lora(64, 0).id(), 0.5);
      scores.put(lora(64, 1).id(), 0.5);
      Report report = report(first, second);
      assertThat(report.results().runs()).hasSize(scores.size());
      assertThat(
              report.results().lines().stream()
                  .flatMap(line -> line.runs().values().stream())
                  .mapToInt(List::size)
                  .sum())
          .isEqualTo(scores.size());
      report
          .results()
          .lines()
          .forEach(
              line ->
                  line.runs()
                      .values()
                      .forEach(
                          runs ->
                              assertThat(runs.stream().map(run -> run.settings().get("data_hash")))
                                  .containsOnly(runs.get(0).settings().get("data_hash"))));
    }
  }

  private static Report report(SampleSweep... sweeps) {
    List<ResultFolder> folders = Arrays.stream(sweeps).map(SampleSweep::folder).toList();
    return Report.of(folders, ResultTables.joint(LocalSpark.session(), folders));
  }

  private static String benchmark(Report report) {
    return report.sections().get(0).table().text();
  }

  private static Trial lora(int rank, long seed) {
    return Samples.trial("rte", new LoRA(rank, 8, 0), SampleSweep.QV, 1, seed);
  }

  private static Trial withData(Trial trial, String hash) {
    return with(trial, "cd".repeat(32), hash);
  }

  private static Trial withModel(Trial trial, String hash) {
    return with(trial, trial.model().contentHash(), hash);
  }

  private static Trial elsewhere(Trial trial) {
    return with(with(trial, "\"builtin:mini\"", "\"/elsewhere\""), "\"builtin\"", "\"/elsewhere\"");
  }

  private static Trial withDataSeed(Trial trial, long seed) {
    return with(trial, "\"data-seed\":0", "\"data-seed\":" + seed);
  }

  /** Returns a trial that differs in a part of its JSON. */
  private static Trial with(Trial trial, String part, String instead) {
    assertThat(trial.toJson()).contains(part);
    return Trial.fromJson(trial.toJson().replace(part, instead));
  }
}
