package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.method.LoRA;
import org.peftsweep.report.TextTable.Cell;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.Provenance;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

class ReportTest {
  private static final Trial ONE = Samples.trial("rte", new LoRA(8, 8, 0), SampleSweep.QV, 4, 0);
  private static final Trial TWO = Samples.trial("rte", new LoRA(8, 8, 0), SampleSweep.QV, 4, 1);
  private static final Trial OTHER = Samples.trial("rte", new LoRA(16, 8, 0), SampleSweep.QV, 4, 0);

  @TempDir Path output;
  private SampleSweep sweep;

  @BeforeEach
  void makeSweep() {
    sweep = new SampleSweep(output, "s");
  }

  @Test
  void putsThePapersNumbersBesideOurs() {
    Section paper = section(sweep.benchmark().report(), "paper");
    assertThat(paper.table().markdown())
        .contains("| method | targets | rank | λ | trainable | paper: trainable M | mini-cola |")
        .contains(
            "| LoRA | QV | 8 | 4 | 2000 | 1.48 | 85.75 ± 0.62 | 59.56 | 85.75 ± 0.62 | 75.09 |");
    assertThat(paper.note())
        .contains("compare directions, not numbers")
        .contains("which examples it was chosen, is not published");
  }

  @Test
  void ranksInTieGroups() {
    double[] noise = {0, 0.01, -0.01};
    for (int seed = 0; seed < 3; seed++) {
      sweep.add(lora(8, seed), 0.90 + noise[seed]);
      sweep.add(lora(16, seed), 0.89 - noise[seed]);
      sweep.add(lora(4, seed), 0.5 + noise[2 - seed]);
    }
    Section ranks = section(sweep.report(), "ranks");
    assertThat(column(ranks, "group")).containsExactly("1", "1", "2");
    assertThat(column(ranks, "to best")).containsExactly("—", "-1.00", "-40.00");
    // R: t.test(c(-1, -3, 1)) and t.test(c(-41, -40, -39)) print p = 0.4778 and 0.0002083.
    assertThat(column(ranks, "p")).containsExactly("—", "0.4778", "0.0002");
    assertThat(column(ranks, "seeds")).containsOnly("3");
    // Forty points of four hundred examples, right on the same ones.
    assertThat(column(ranks, "examples").get(2)).matches("± 4\\.[5-9].");
  }

  @Test
  void pairsSeedsByTheirNumberAndNotByTheirPlace() {
    // Seeds 0, 1, 2 of one recipe and 1, 2, 3 of the other; equal on those that both have.
    double[] scores = {0.5, 0.6, 0.8, 0.7};
    for (int seed = 0; seed < 4; seed++) {
      if (seed < 3) {
        sweep.add(lora(8, seed), scores[seed]);
      }
      if (seed > 0) {
        sweep.add(lora(16, seed), scores[seed]);
      }
    }
    Section ranks = section(sweep.report(), "ranks");
    assertThat(column(ranks, "to best")).containsExactly("—", "+0.00");
    assertThat(column(ranks, "p")).containsExactly("—", "1.0000");
  }

  @Test
  void ranksNothingByOneSeed() {
    sweep.add(ONE, 0.90);
    sweep.add(OTHER, 0.50);
    Report report = sweep.report();
    assertThat(column(section(report, "ranks"), "group")).containsOnly("—");
    assertThat(column(section(report, "ranks"), "p")).containsOnly("—");
    assertThat(Printed.md.of(report)).doesNotContain("**90.00**");
    assertThat(report.findings().sentences())
        .singleElement()
        .asString()
        .startsWith("One seed on rte: how much another seed would change is not measured here");
    assertThat(report.recommendation("rte", 1_000_000).advice())
        .startsWith("For rte within 1.0 MB no recipe can be recommended: one seed on rte");
  }

  @Test
  void tellsTheNoiseFloorThatAnotherSweepMeasuredAndHowToAddSeeds() {
    SampleSweep other = new SampleSweep(output, "measured");
    for (int seed = 0; seed < 3; seed++) {
      other.add(lora(64, seed), 0.70 + 0.02 * (seed - 1));
    }
    sweep.add(ONE, 0.90);
    sweep
        .folder()
        .write(
            new Manifest(
                List.of("rte"),
                List.of(),
                List.of(0L),
                List.of(),
                Map.of(ONE.id(), "one"),
                List.of(),
                0,
                new Manifest.Source("my sweep.yaml", Map.of("training.epochs", "3"), ""),
                List.of(),
                Map.of(),
                false));
    Report report =
        Report.of(
            List.of(sweep.folder()),
            ResultTables.of(LocalSpark.session(), sweep.folder()),
            () -> Optional.of(ResultTables.of(LocalSpark.session(), other.folder()).trials()),
            List.of());
    // R: qt(0.975, 2) * sqrt(2) * 2 prints 12.17.
    assertThat(report.findings().sentences().get(0))
        .contains(
            "standard deviation of 2.00 points in measured: single runs less than 12.2 points")
        .endsWith(
            "This adds seeds: jobs/sweep.sh 'my sweep.yaml' --set training.epochs=3"
                + " --set 'seeds=[0, 1, 2, 3, 4]'");
    assertThat(column(section(report, "noise"), "floor")).containsExactly("12.17");
  }

  @Test
  void keepsTimesOfDifferentMachinesApart() {
    Provenance other =
        new Provenance("host", "1", null, 1, "another processor", "abc123", "17", "4.2.0", "1");
    sweep.add(ONE, 0.7, Samples.PLACE, 4);
    sweep.add(TWO, 0.7, other, 10);
    sweep.add(OTHER, 0.6, Samples.PLACE, 5);
    Section costs = section(sweep.report(), "costs");
    assertThat(costs.note()).contains("2 kinds of machine or software are kept apart");
    assertThat(column(costs, "train s")).containsExactlyInAnyOrder("4.00", "10.0", "5.00");
    // Nothing else ran on the other machine, so its slow point is on its own front.
    assertThat(column(costs, "on the front of"))
        .containsExactlyInAnyOrder("parameters, bytes, seconds", "parameters, bytes, seconds", "");
    assertThat(column(section(sweep.report(), "benchmark"), "rte")).contains("70.00 ± 0.92");
  }

  @Test
  void listsWhatFailedAndWhatIsMissing() {
    sweep.add(ONE, 0.7);
    sweep.fail(TWO, Status.DIVERGED, "Loss is NaN at step 3");
    sweep
        .folder()
        .write(
            new Manifest(
                List.of("rte"),
                List.of(),
                List.of(0L, 1L),
                List.of(),
                Map.of(ONE.id(), "one", TWO.id(), "two", OTHER.id(), "the other"),
                List.of(),
                0));
    Report report = sweep.report();
    assertThat(report.state())
        .isEqualTo("s: 1 of 3 trials finished, 1 ended without a score, 1 still missing.");
    assertThat(report.missing()).containsExactly(Map.entry(OTHER.id(), "the other"));
    assertThat(column(section(report, "failures"), "reason"))
        .containsExactly("Loss is NaN at step 3");
  }

  @Test
  void putsTheTuningEffortBesideTheScore() {
    Trial tuning =
        new Trial(
            ONE.model(),
            ONE.task(),
            ONE.method(),
            ONE.targets(),
            ONE.layers(),
            ONE.rates(),
            ONE.training(),
            1,
            Phase.TUNING,
            0);
    sweep.add(ONE, 0.7);
    sweep.folder().publish(Samples.row("s", tuning, 1, Samples.tuned(0.6)));
    sweep
        .folder()
        .write(
            new Manifest(
                List.of("rte"),
                List.of(1L, 2L),
                List.of(0L),
                List.of("method"),
                Map.of(ONE.id(), "one", tuning.id(), "tuning"),
                List.of(
                    new Manifest.Choice(
                        "rte · lora", 3, List.of("a", tuning.id()), List.of(ONE.id()), 0.8125)),
                0));
    Section scores = section(sweep.report(), "benchmark");
    assertThat(scores.note()).contains("Tuning: the trials that chose the settings beside it");
    assertThat(column(scores, "rte")).containsExactly("70.00");
    assertThat(column(scores, "rte: tuning")).containsExactly("2 trials, 7.00 s");
    assertThat(scores.table().markdown()).contains("| 70.00 | 2 trials, 7.00 s |");
    Section effort = section(sweep.report(), "effort");
    assertThat(effort.note()).contains("over tuning seeds [1, 2]").contains("never looked at");
    assertThat(effort.table().rows().get(0).stream().map(Cell::text))
        .containsExactly(
            "rte · lora", "3", "2", "7.00", "81.25", "rte · lora r=8 qv λ=4", "70.00", "7.00");
  }

  @Test
  void measuresTheNoiseFloorOnCopies() {
    sweep.add(ONE, 0.7);
    sweep.add(
        new Trial(
            ONE.model(),
            ONE.task(),
            ONE.method(),
            ONE.targets(),
            ONE.layers(),
            ONE.rates(),
            ONE.training(),
            99,
            ONE.phase(),
            1),
        0.72);
    Report report = sweep.report();
    assertThat(column(section(report, "noise"), "floor")).containsExactly("2.00");
    assertThat(column(section(report, "benchmark"), "rte")).containsExactly("70.00");
  }

  @Test
  void recommendsTheBestThatFits() {
    Report report = sweep.benchmark().report();
    assertThat(report.recommendation("rte", 1_000_000).advice())
        .startsWith("For rte within 1.0 MB use LoRA QV r=16 λ=4: 86.50 (")
        .contains(", 3 seeds) with 8.0 KB.")
        .contains("cannot be told apart from it");
    assertThatThrownBy(() -> report.recommendation("rte", 100))
        .hasMessage("Cannot find a recipe within 100 bytes: the smallest takes 8000");
    assertThatThrownBy(() -> report.recommendation("mnli", 100))
        .hasMessage("Cannot choose for task mnli: choose one of mini-cola, rte");
  }

  @Test
  void printsEveryFormatFromTheSameSections() {
    Report report = sweep.benchmark().report();
    assertThat(Printed.md.of(report))
        .startsWith("# s\n\ns: 90 of 90 trials finished.\n\nOn ")
        .contains("| **86.50 ±");
    assertThat(Printed.latex.of(report))
        .contains("\\textbf{86.50 $\\pm$")
        .contains("$\\lambda$")
        .contains("\\label{tab:ranks}");
    assertThat(Printed.csv.of(report))
        .contains("method,targets,rank,λ,trainable,mini-cola,rte\n")
        .contains("LoRA,QV,8,4,2000,85.75 ± 0.62,85.75 ± 0.62\n");
    assertThat(Printed.text.of(report)).contains("Tie groups\n══════════\n");
    assertThat(report.sections()).extracting(Section::id).doesNotHaveDuplicates();
  }

  private static Trial lora(int rank, long seed) {
    return Samples.trial("rte", new LoRA(rank, 8, 0), SampleSweep.QV, 4, seed);
  }

  private static Section section(Report report, String id) {
    return report.sections().stream()
        .filter(section -> section.id().equals(id))
        .findFirst()
        .orElseThrow();
  }

  private static List<String> column(Section section, String name) {
    int column = section.table().header().indexOf(name);
    return section.table().rows().stream().map(row -> row.get(column).text()).toList();
  }
}
