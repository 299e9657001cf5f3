package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
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
import org.peftsweep.stats.Interval;
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
  void judgesByTheIntervalAlone() {
    Interval above = new Interval(0.02, 0.001, 0.04);
    Interval about = new Interval(0.02, -0.005, 0.04);
    Interval below = new Interval(-0.02, -0.04, -0.011);
    assertThat(ClaimLedger.verdict(1, above)).isEqualTo(ClaimLedger.Verdict.HELD);
    assertThat(ClaimLedger.verdict(1, about)).isEqualTo(ClaimLedger.Verdict.CANNOT_TELL);
    assertThat(ClaimLedger.verdict(1, below)).isEqualTo(ClaimLedger.Verdict.DID_NOT_HOLD);
    assertThat(ClaimLedger.verdict(-1, above)).isEqualTo(ClaimLedger.Verdict.DID_NOT_HOLD);
    assertThat(ClaimLedger.verdict(-1, below)).isEqualTo(ClaimLedger.Verdict.HELD);
    assertThat(ClaimLedger.verdict(0, about)).isEqualTo(ClaimLedger.Verdict.HELD);
    assertThat(ClaimLedger.verdict(0, below)).isEqualTo(ClaimLedger.Verdict.DID_NOT_HOLD);
    assertThat(ClaimLedger.verdict(0, new Interval(0, -0.02, 0.02)))
        .isEqualTo(ClaimLedger.Verdict.CANNOT_TELL);
  }

  @Test
  void takesThePapersNumbersFromItsTable() {
    // The means of the printed rows: 84.55 and 83.25, 71.22 and 81.10.
    assertThat(PaperTable.TABLE2.difference("lora", "qv", 4, "qkv", 1, 8).getAsDouble())
        .isBetween(1.295, 1.305);
    assertThat(PaperTable.TABLE2.difference("full", "qv", 8, "qv", 2, null).getAsDouble())
        .isBetween(-9.88, -9.87);
    assertThat(PaperTable.TABLE2.difference("vera", "qv", 8, "qv", 2, 8)).isEmpty();
  }

  @Test
  void judgesThePapersStatements() {
    Section claims = section(sweep.benchmark().report(), "claims");
    // Its recipes have one rate of query and key.
    assertThat(column(claims, "verdict")).hasSize(20).endsWith("not tested");
    assertThat(column(claims, "verdict").subList(0, 19)).containsOnly("held");
    List<Cell> lora =
        claims.table().rows().stream()
            .filter(row -> row.get(1).text().equals("LoRA QV r=8 λ=4 vs LoRA QKV r=8 λ=1"))
            .findFirst()
            .orElseThrow();
    assertThat(lora.get(2).text()).isEqualTo("+1.30");
    // 0.858 and 0.608 of 400 examples, rounded to whole ones.
    assertThat(lora.get(3).text()).isEqualTo("+25.00");
    assertThat(lora.get(5).text()).isEqualTo("2 of 2");
    assertThat(claims.note()).contains("neither confirms nor refutes the paper's");
  }

  @Test
  void saysThatAStatementWasNotTested() {
    sweep.add(ONE, 0.7);
    assertThat(column(section(sweep.report(), "claims"), "verdict")).containsOnly("not tested");
  }

  @Test
  void putsThePapersNumbersBesideOurs() {
    Section paper = section(sweep.benchmark().report(), "paper");
    assertThat(paper.table().markdown())
        .contains("| method | targets | rank | λ | trainable | paper: trainable M | mini-cola |")
        .contains("| LoRA | QV | 8 | 4 | 2000 | 1.48 | 85.75 | 59.56 | 85.75 | 75.09 |");
    assertThat(paper.note()).contains("compare directions, not numbers");
  }

  @Test
  void ranksInTieGroups() {
    sweep.add(ONE, 0.90);
    sweep.add(OTHER, 0.89);
    sweep.add(Samples.trial("rte", new LoRA(4, 8, 0), SampleSweep.QV, 4, 0), 0.5);
    Section ranks = section(sweep.report(), "ranks");
    // 4 of 400 examples differ between the first two: McNemar's exact p is 0.125.
    assertThat(column(ranks, "group")).containsExactly("1", "1", "2");
    assertThat(column(ranks, "p")).containsExactly("—", "0.1250", "< 0.0001");
    assertThat(column(ranks, "to best")).containsExactly("—", "-1.00", "-40.00");
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
    assertThat(column(section(sweep.report(), "benchmark"), "rte")).contains("70.00 ± 0.00");
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
    assertThat(scores.table().markdown()).contains("| **70.00** | 2 trials, 7.00 s |");
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
    assertThat(column(section(report, "noise"), "mean |difference|")).containsExactly("2.00");
    assertThat(column(section(report, "benchmark"), "rte")).containsExactly("70.00");
  }

  @Test
  void recommendsTheBestThatFits() {
    Report report = sweep.benchmark().report();
    assertThat(report.recommendation("rte", 1_000_000).advice())
        .startsWith("For rte within 1.0 MB use LoRA QV r=16 λ=4: 86.50 (")
        .contains("with 8.0 KB.")
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
        .startsWith("# s\n\ns: 30 of 30 trials finished.\n\n## Scores\n")
        .contains("| **86.50** |")
        .contains("<u>85.75</u>");
    assertThat(Printed.latex.of(report))
        .contains("\\textbf{86.50}")
        .contains("\\underline{85.75}")
        .contains("$\\lambda$")
        .contains("\\label{tab:claims}");
    assertThat(Printed.csv.of(report))
        .contains("method,targets,rank,λ,trainable,mini-cola,rte\n")
        .contains("LoRA,QV,8,4,2000,85.75,85.75\n");
    assertThat(Printed.text.of(report)).contains("Tie groups\n══════════\n");
    assertThat(report.sections()).extracting(Section::id).doesNotHaveDuplicates();
  }

  @Test
  void everySectionsSourceReturnsAsManyRowsAsItSays() {
    sweep.benchmark();
    Report report = sweep.report();
    ResultTables.of(LocalSpark.session(), sweep.folder()).register();
    assertThat(report.sections())
        .allSatisfy(
            section ->
                assertThat(LocalSpark.session().sql(section.source()).count())
                    .as(section.id())
                    .isEqualTo(section.rows()));
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
