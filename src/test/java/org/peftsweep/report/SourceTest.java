package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.method.LoRA;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.results.Views;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** The queries below a report's figures, asked of the views that anyone has. */
class SourceTest {
  @TempDir Path output;
  private SampleSweep first;
  private SampleSweep second;

  /**
   * Two sweeps with trials of every kind, some of them in both; the second sweep's file does not
   * ask for all of its rows any more.
   */
  @BeforeEach
  void drawSweeps() throws Exception {
    SplittableRandom random = new SplittableRandom(9);
    first = new SampleSweep(output, "first");
    second = new SampleSweep(output, "second");
    Map<String, String> asked = new TreeMap<>();
    for (int rank = 1; rank <= 5; rank++) {
      for (int seed = 0; seed < 2; seed++) {
        for (int ratio = 1; ratio <= 4; ratio *= 4) {
          Trial trial = Samples.trial("rte", new LoRA(rank, 8, 0), SampleSweep.QV, ratio, seed);
          boolean isInBoth = random.nextBoolean();
          int kind = random.nextInt(7);
          if (isInBoth || random.nextBoolean()) {
            add(first, trial, kind);
          }
          if (isInBoth || random.nextBoolean()) {
            Trial of = add(second, trial, isInBoth ? random.nextInt(7) : kind);
            if (random.nextInt(4) > 0) {
              asked.put(of.id(), of.title());
            }
          }
        }
      }
    }
    asked.put("0123456789ab", "one that is still missing");
    second
        .folder()
        .write(
            new Manifest(
                List.of("rte"), List.of(), List.of(0L, 1L), List.of(), asked, List.of(), 0));
    Views.create(LocalSpark.session(), output.toString());
  }

  private static Trial add(SampleSweep sweep, Trial trial, int kind) {
    Trial other =
        new Trial(
            trial.model(),
            trial.task(),
            trial.method(),
            trial.targets(),
            trial.layers(),
            trial.rates(),
            trial.training(),
            trial.seed() + 50,
            kind == 0 ? Phase.TUNING : Phase.EVALUATION,
            kind == 1 ? 1 : 0);
    switch (kind) {
      case 0 ->
          sweep.folder().publish(Samples.row(sweep.folder().sweep(), other, 1, Samples.tuned(0.6)));
      case 1 -> sweep.add(other, 0.7);
      case 2 -> sweep.addUndefined(trial);
      case 3 -> sweep.fail(trial, Status.DIVERGED, "the loss overflowed");
      case 4 -> sweep.fail(trial, Status.STOPPED, "asha");
      default -> sweep.add(trial, 0.6 + trial.seed() / 100.0);
    }
    return kind < 2 ? other : trial;
  }

  @Test
  void queriesOfOneSweepReturnTheRowsOfItsReport() {
    check(first.report());
  }

  @Test
  void queriesLeaveOutWhatTheSweepFileDoesNotAskForAnyMore() {
    assertThat(second.report().results().runs().size()).isLessThan(second.folder().trials().size());
    check(second.report());
  }

  @Test
  void queriesOfSeveralSweepsReturnATrialOfBothOnce() {
    // As the first one does not say what it was asked, all rows of both count.
    check(
        Report.of(
            List.of(first.folder(), second.folder()),
            ResultTables.joint(LocalSpark.session(), List.of(first.folder(), second.folder()))));
  }

  private static void check(Report report) {
    Map<String, Set<String>> ids =
        Map.of(
            "failures",
            ids(report, run -> !run.isFinished() && !run.isStopped() || run.isUndefined()),
            "benchmark",
            ids(report, Run::isEvaluation),
            "costs",
            ids(report, run -> run.isEvaluation() && run.isFinished()),
            "claims",
            ids(report, run -> run.copy() == 0),
            "noise",
            ids(report, run -> run.isFinished() && !run.isTuning()));
    for (Section section : report.sections()) {
      Dataset<Row> rows = LocalSpark.session().sql(section.source());
      List<Row> read = rows.collectAsList();
      assertThat(read).as(section.id()).hasSize((int) section.rows());
      if (ids.containsKey(section.id())) {
        assertThat(read.stream().map(row -> row.<String>getAs("id")))
            .as(section.id())
            .containsExactlyInAnyOrderElementsOf(ids.get(section.id()));
      }
      List<String> wanted =
          Map.of(
                  "heatmaps", List.of("learning_rate", "value_learning_rate", "score"),
                  "budget", List.of("validation_score"),
                  "effort", List.of("validation_score", "score", "phase", "steps"),
                  "search", List.of("status", "steps"),
                  "benchmark", List.of("status", "score", "trainable_parameters"))
              .getOrDefault(section.id(), List.of());
      assertThat(List.of(rows.columns())).as(section.id()).containsAll(wanted);
    }
    Set<String> known = report.results().runs().stream().map(Run::id).collect(Collectors.toSet());
    long points =
        report.curves().points().entrySet().stream()
            .filter(curve -> known.contains(curve.getKey()))
            .mapToLong(curve -> curve.getValue().size())
            .sum();
    assertThat(LocalSpark.session().sql(report.source().curves()).count()).isEqualTo(points);
  }

  private static Set<String> ids(Report report, java.util.function.Predicate<Run> which) {
    Stream<Run> runs = report.results().runs().stream().filter(which);
    return runs.map(Run::id).collect(Collectors.toCollection(TreeSet::new));
  }
}
