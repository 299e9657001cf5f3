package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.Full;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Rates;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Claim;
import org.peftsweep.spec.ClaimReader;
import org.peftsweep.spec.TextSource;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Statements are judged by one rule, whatever they are about. */
class ClaimLedgerTest {
  /** Whole examples of 400, no two differences of which are alike. */
  private static final double[] NOISE = {0, 0.01, -0.0075, 0.0025, -0.005};

  @TempDir Path output;
  private SampleSweep sweep;

  @BeforeEach
  void makeSweep() {
    sweep = new SampleSweep(output, "s");
  }

  @Test
  void judgesThePapersStatements() {
    Section claims = section(report(sweep.benchmark(), paper()), "claims");
    List<String> verdicts = column(claims, "verdict");
    // A row for all tasks and one for each, of the five statements of Table 2; no grid of rates.
    assertThat(verdicts).hasSize(15);
    assertThat(verdicts.subList(0, 6)).containsOnly("held, confounded");
    assertThat(verdicts.subList(6, 12)).containsOnly("held");
    List<String> rte = row(claims, 1, "rte");
    // 0.858 less 0.608, with seeds alike.
    assertThat(rte.subList(2, 4)).containsExactly("+5.14", "+25.00");
    assertThat(rte.get(6)).isEqualTo("4");
    // The imitation's figure is that of the task which it imitates.
    assertThat(row(claims, 1, "mini-cola").get(2)).isEqualTo("+2.53");
    assertThat(claims.note()).contains("neither confirm nor refute");
  }

  @Test
  void listsStatementsThatNoRecipeIsAboutWhereTheyAreAskedFor() {
    sweep.add(lora(SampleSweep.QV, 4, 0), 0.9);
    Report report = report(sweep, paper());
    assertThat(column(section(report, "claims"), "verdict")).isEmpty();
    assertThat(column(report.claims(true), "verdict")).hasSize(6).containsOnly("not tested");
    assertThat(Printed.text.claims(report)).contains("η_V > η_QK", "no such recipes here");
  }

  /** q+v with λ = 1 and q+k+v with λ = 4 lack, until they are added. */
  @Test
  void namesTheCellsThatTellConfoundedAxesApart() {
    Claim claim = paper().get(0);
    for (int seed = 0; seed < 5; seed++) {
      sweep.add(lora(SampleSweep.QV, 4, seed), 0.8 + NOISE[seed]);
      sweep.add(lora(SampleSweep.QKV, 1, seed), 0.7 + NOISE[4 - seed]);
    }
    Report report = report(sweep, List.of(claim));
    assertThat(column(section(report, "claims"), "verdict")).containsExactly("held, confounded");
    assertThat(column(section(report, "confounding"), "alone"))
        .containsExactly("confounded", "confounded");
    assertThat(section(report, "confounding").note())
        .contains("This adds the 2 that lack: jobs/sweep.sh conf/x.yaml --add '{")
        .containsPattern("--add '\\{[^}]*ratio: 4[^}]*targets: qkv\\}'")
        .containsPattern("--add '\\{[^}]*ratio: 1[^}]*targets: qv\\}'");
    for (int seed = 0; seed < 5; seed++) {
      sweep.add(lora(SampleSweep.QV, 1, seed), 0.7 + NOISE[seed]);
      sweep.add(lora(SampleSweep.QKV, 4, seed), 0.8 + NOISE[(seed + 1) % 5]);
    }
    report = report(sweep, List.of(claim));
    assertThat(column(section(report, "claims"), "verdict")).containsExactly("held");
    // Targets alone, then the ratio: all of it.
    assertThat(column(section(report, "confounding"), "alone")).containsExactly("+10.00", "+0.00");
    assertThat(column(section(report, "confounding"), "setting"))
        .containsExactly("ratio", "targets");
  }

  @ParameterizedTest
  @CsvSource({
    "HIGHER, 0.10, held", "HIGHER, -0.10, did not hold", "HIGHER, 0.001, cannot tell",
    "LOWER, -0.10, held", "LOWER, 0.10, did not hold", "LOWER, 0.001, cannot tell",
    "NOT_LOWER, 0.10, held", "NOT_LOWER, -0.10, did not hold", "NOT_LOWER, -0.01, cannot tell",
    "EQUAL, 0.10, did not hold", "EQUAL, -0.10, did not hold", "EQUAL, 0.01, cannot tell",
  })
  void judgesByTheIntervalOverSeeds(Claim.Says says, double difference, String verdict) {
    for (int seed = 0; seed < 5; seed++) {
      sweep.add(lora(SampleSweep.QV, 4, seed), 0.7 + difference + NOISE[seed]);
      sweep.add(lora(SampleSweep.QV, 1, seed), 0.7 + NOISE[4 - seed]);
    }
    Report report = report(sweep, List.of(claim(says, 1)));
    assertThat(column(section(report, "claims"), "verdict")).containsExactly(verdict);
  }

  @Test
  void equalsWithinAWideMarginAreEqual() {
    for (int seed = 0; seed < 5; seed++) {
      sweep.add(lora(SampleSweep.QV, 4, seed), 0.7 + NOISE[seed]);
      sweep.add(lora(SampleSweep.QV, 1, seed), 0.7 + NOISE[4 - seed]);
    }
    Report report = report(sweep, List.of(claim(Claim.Says.EQUAL, 5)));
    assertThat(column(section(report, "claims"), "verdict")).containsExactly("held");
  }

  @Test
  void oneSeedIsNoVerdict() {
    sweep.add(lora(SampleSweep.QV, 4, 0), 0.9);
    sweep.add(lora(SampleSweep.QV, 1, 0), 0.5);
    Report report = report(sweep, List.of(claim(Claim.Says.HIGHER, 1)));
    assertThat(column(section(report, "claims"), "verdict")).containsExactly("one seed");
  }

  /** Two seeds with equal differences: rounding alone may have made them so. */
  @Test
  void theSummaryAtTheEndSaysWhatTheReportSays() {
    for (int seed = 0; seed < 2; seed++) {
      sweep.add(lora(SampleSweep.QV, 4, seed), 0.705 + seed / 100.0);
      sweep.add(lora(SampleSweep.QV, 1, seed), 0.70 + seed / 100.0);
    }
    Report report = report(sweep, List.of(claim(Claim.Says.HIGHER, 1)));
    ResultTables tables = ResultTables.of(LocalSpark.session(), sweep.folder());
    List<String> ids = sweep.folder().manifest().orElseThrow().trials().keySet().stream().toList();
    String sentence = report.findings().sentences().get(0);
    assertThat(sentence).contains("cannot tell, +0.50 points (95 % interval -0.42 … +1.42");
    assertThat(Findings.text(sweep.folder(), tables, ids).replace('\n', ' ')).startsWith(sentence);
  }

  @Test
  void aSeedThatBrokeLeavesNoVerdict() {
    for (int seed = 0; seed < 5; seed++) {
      sweep.add(lora(SampleSweep.QV, 1, seed), 0.5 + NOISE[seed]);
      if (seed < 4) {
        sweep.add(lora(SampleSweep.QV, 4, seed), 0.9 + NOISE[4 - seed]);
      }
    }
    sweep.fail(lora(SampleSweep.QV, 4, 4), Status.DIVERGED, "loss is NaN");
    Section claims = section(report(sweep, List.of(claim(Claim.Says.HIGHER, 1))), "claims");
    assertThat(column(claims, "verdict")).containsExactly("cannot tell");
    assertThat(column(claims, "seeds")).containsExactly("4; 1 trials diverged");
  }

  /** Of twenty statements about nothing one in twenty would hold without correction. */
  @Test
  void correctsForTheNumberOfStatements() {
    for (int seed = 0; seed < 5; seed++) {
      sweep.add(lora(SampleSweep.QV, 4, seed), 0.7 + 0.0125 + NOISE[seed]);
      sweep.add(lora(SampleSweep.QV, 1, seed), 0.7 + NOISE[seed] / 4);
    }
    Claim higher = claim(Claim.Says.HIGHER, 1);
    assertThat(column(section(report(sweep, List.of(higher)), "claims"), "verdict"))
        .containsExactly("held");
    List<Claim> twenty =
        IntStream.range(0, 20).mapToObj(i -> named("statement " + i, higher)).toList();
    assertThat(column(section(report(sweep, twenty), "claims"), "verdict"))
        .containsOnly("cannot tell");
  }

  /** Accuracy and Matthews are never averaged: tasks are judged one by one. */
  @Test
  void judgesTaskByTask() {
    for (int seed = 0; seed < 5; seed++) {
      for (String task : List.of("rte", "mini-cola")) {
        double lead = task.equals("rte") ? 0.2 : -0.2;
        sweep.add(
            Samples.trial(task, new LoRA(8, 8, 0), SampleSweep.QV, 4, seed),
            0.6 + lead + NOISE[seed]);
        sweep.add(
            Samples.trial(task, new LoRA(8, 8, 0), SampleSweep.QV, 1, seed), 0.6 + NOISE[4 - seed]);
      }
    }
    Section claims = section(report(sweep, List.of(claim(Claim.Says.HIGHER, 1))), "claims");
    assertThat(column(claims, "verdict"))
        .containsExactlyInAnyOrder("did not hold", "held", "did not hold");
    assertThat(column(claims, "here")).containsExactlyInAnyOrder("—", "+20.00", "-20.00");
  }

  /** LoRA peaks at 1e-3 with every seed, full tuning at 1e-4, of rates a factor of two apart. */
  @Test
  void comparesBestLearningRatesByFactors() {
    for (int seed = 0; seed < 5; seed++) {
      for (double rate : new double[] {1e-4, 2e-4, 1e-3, 2e-3}) {
        sweep.add(
            withRate(lora(SampleSweep.QV, 1, seed), rate),
            (rate == 1e-3 ? 0.8 : 0.7) + NOISE[seed]);
        sweep.add(
            withRate(Samples.trial("rte", new Full(), SampleSweep.QV, 1, seed), rate),
            (rate == 1e-4 ? 0.8 : 0.7) + NOISE[seed]);
      }
    }
    Claim claim =
        new Claim(
            "ten times",
            "test",
            Map.of("method", List.of("lora")),
            Map.of("method", List.of("full")),
            List.of(),
            Claim.Measure.BEST_LEARNING_RATE,
            Claim.Says.EQUAL,
            10,
            2,
            List.of(),
            Map.of(),
            List.of(),
            Map.of(),
            null);
    Section claims = section(report(sweep, List.of(claim)), "claims");
    assertThat(column(claims, "here")).containsExactly("× 10.00");
    assertThat(column(claims, "verdict")).containsExactly("held");
  }

  /** Of each side of the diagonal the best rates stand for it. */
  @Test
  void holdsTheBestOfOneSideAgainstTheBestOfTheOther() {
    for (int seed = 0; seed < 5; seed++) {
      sweep.add(lora(SampleSweep.QV, 1, seed), 0.75 + NOISE[seed]);
      sweep.add(lora(SampleSweep.QV, 0.5, seed), 0.60 + NOISE[seed]);
      sweep.add(lora(SampleSweep.QV, 2, seed), 0.85 + NOISE[4 - seed]);
      sweep.add(lora(SampleSweep.QV, 4, seed), 0.50 + NOISE[seed]);
    }
    Section claims = section(report(sweep, List.of(paper().get(5))), "claims");
    assertThat(column(claims, "here")).containsExactly("+10.00");
    assertThat(column(claims, "verdict")).containsExactly("held");
    assertThat(column(claims, "pairs")).containsExactly("1");
  }

  /** What λ gains LoRA beside what it gains DoRA. */
  @Test
  void comparesGains() {
    for (int seed = 0; seed < 5; seed++) {
      for (Method method : List.of(new LoRA(8, 8, 0), new DoRA(8, 8, 0))) {
        double gain = method instanceof LoRA ? 0.1 : 0.02;
        sweep.add(Samples.trial("rte", method, SampleSweep.QV, 1, seed), 0.6 + NOISE[seed]);
        sweep.add(
            Samples.trial("rte", method, SampleSweep.QV, 4, seed),
            0.6 + gain + NOISE[method instanceof LoRA ? 4 - seed : seed]);
      }
    }
    Claim claim =
        new Claim(
            "gains more",
            "test",
            Map.of("method", List.of("lora"), "ratio", List.of("4")),
            Map.of("method", List.of("dora")),
            List.of(),
            Claim.Measure.SCORE,
            Claim.Says.HIGHER,
            0,
            1,
            List.of(),
            Map.of("ratio", "1"),
            List.of(),
            Map.of(),
            null);
    Section claims = section(report(sweep, List.of(claim)), "claims");
    assertThat(column(claims, "here")).containsExactly("+8.00");
    assertThat(column(claims, "verdict")).containsExactly("held");
  }

  private static List<Claim> paper() {
    return ClaimReader.read("conf/claims/paper.yaml", TextSource.files(new Configuration()));
  }

  private static Trial lora(Set<Role> targets, double ratio, long seed) {
    return Samples.trial("rte", new LoRA(8, 8, 0), targets, ratio, seed);
  }

  private static Trial withRate(Trial trial, double rate) {
    return new Trial(
        trial.model(),
        trial.task(),
        trial.method(),
        trial.targets(),
        trial.layers(),
        new Rates(rate, 1, rate, Rates.Grouping.ROLES),
        trial.training(),
        trial.seed(),
        trial.phase(),
        0);
  }

  /** λ = 4 against λ = 1. */
  private static Claim claim(Claim.Says says, double margin) {
    return new Claim(
        "λ",
        "test",
        Map.of("ratio", List.of("4")),
        Map.of("ratio", List.of("1")),
        List.of(),
        Claim.Measure.SCORE,
        says,
        0,
        margin,
        List.of(),
        Map.of(),
        List.of(),
        Map.of(),
        null);
  }

  private static Claim named(String name, Claim claim) {
    return new Claim(
        name,
        claim.source(),
        claim.first(),
        claim.second(),
        claim.tasks(),
        claim.measure(),
        claim.says(),
        claim.by(),
        claim.margin(),
        claim.bestOf(),
        claim.less(),
        claim.together(),
        claim.paper(),
        claim.remark());
  }

  private static Report report(SampleSweep sweep, List<Claim> claims) {
    ResultTables tables = ResultTables.of(LocalSpark.session(), sweep.folder());
    Map<String, String> ids = new TreeMap<>();
    tables
        .trials()
        .select("id", "title")
        .collectAsList()
        .forEach(row -> ids.put(row.getString(0), row.getString(1)));
    sweep
        .folder()
        .write(
            new Manifest(
                List.of("rte", "mini-cola"),
                List.of(),
                List.of(0L, 1L, 2L, 3L, 4L),
                List.of(),
                ids,
                List.of(),
                0,
                new Manifest.Source("conf/x.yaml", Map.of(), "Is it so?"),
                claims,
                Map.of(),
                false));
    return Report.of(List.of(sweep.folder()), tables, Optional::empty, List.of());
  }

  private static List<String> row(Section section, int column, String text) {
    return section.table().rows().stream()
        .filter(row -> row.get(column).text().equals(text))
        .findFirst()
        .orElseThrow()
        .stream()
        .map(TextTable.Cell::text)
        .toList();
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
