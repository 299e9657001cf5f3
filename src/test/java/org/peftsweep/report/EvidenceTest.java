package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.peftsweep.method.Full;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.spec.Claim;
import org.peftsweep.spec.Trial;

/** What is held against what, on sweeps that are drawn at random. */
class EvidenceTest {
  private static final Method LORA = new LoRA(8, 8, 0);
  private static final Method FULL = new Full();
  private static final double[] RATES = {1e-4, 3e-4, 1e-3, 3e-3};

  /** The winner of the tuning seeds is evaluated, and stands for its side, however it came out. */
  @Test
  void whatTuningChoseStandsForItsSide() {
    for (int draw = 0; draw < 50; draw++) {
      Random random = new Random(draw);
      Runs runs = new Runs();
      double[] means = new double[2];
      for (Method method : List.of(LORA, FULL)) {
        int winner = 0;
        double highest = -1;
        for (int i = 0; i < RATES.length; i++) {
          double first = random.nextDouble();
          double second = random.nextDouble();
          boolean breaks = random.nextInt(4) == 0;
          runs.tuned(trial(method, RATES[i], 100), first);
          runs.tuned(trial(method, RATES[i], 101), breaks ? null : second);
          if (!breaks && first + second > highest) {
            highest = first + second;
            winner = i;
          }
        }
        for (int seed = 0; seed < 5; seed++) {
          double score = random.nextInt(400) / 400.0;
          means[method == LORA ? 0 : 1] += score / 5;
          // Of other data than tuning looks at: as likely below as above it.
          runs.add(trial(method, RATES[winner], seed), score, random.nextDouble());
        }
      }
      ClaimLedger.Entry entry = runs.entry(tuned());
      assertThat(entry.effect()).as("draw " + draw).isPresent();
      assertThat(entry.effect().get().mean()).isCloseTo(means[0] - means[1], within(1e-9));
      assertThat(entry.effect().get().count()).isEqualTo(5);
    }
  }

  /** A rate that breaks with a seed is no choice where another does not. */
  @Test
  void whatBreaksIsNotTheBest() {
    Runs runs = new Runs();
    for (int seed = 0; seed < 3; seed++) {
      runs.add(trial(FULL, 1e-4, seed), 0.6 + seed / 100.0, null);
      runs.add(trial(LORA, 1e-4, seed), 0.7 + seed / 100.0, null);
      if (seed < 2) {
        runs.add(trial(LORA, 1e-3, seed), 0.9, null);
      } else {
        runs.ended(trial(LORA, 1e-3, seed), "diverged");
      }
    }
    ClaimLedger.Entry entry = runs.entry(tuned());
    assertThat(entry.effect().get().mean()).isCloseTo(0.1, within(1e-9));
    assertThat(entry.verdict()).isEqualTo(ClaimLedger.Verdict.HELD);
  }

  /** Whatever a pair lacks, the others say what they say; without a seed nothing is tested. */
  @Test
  void pairsWithoutASeedInCommonAreLeftOutAndCounted() {
    List<String> endings = List.of("finished", "oom", "failed", "tuning", "later");
    for (int draw = 0; draw < 50; draw++) {
      Random random = new Random(draw);
      Runs runs = new Runs();
      double sum = 0;
      int compared = 0;
      int seeds = 1 + random.nextInt(4);
      for (double rate : RATES) {
        String ending = endings.get(random.nextInt(endings.size()));
        double mean = 0;
        for (int seed = 0; seed < seeds; seed++) {
          double score = random.nextDouble();
          double other = random.nextDouble();
          runs.add(trial(FULL, rate, seed), other, null);
          Trial trial = trial(LORA, rate, seed);
          switch (ending) {
            case "finished" -> runs.add(trial, score, null);
            case "tuning" -> runs.tuned(trial, score);
            case "later" -> runs.add(trial(LORA, rate, 10 + seed), score, null);
            default -> runs.ended(trial, ending);
          }
          mean += (score - other) / seeds;
        }
        compared += ending.equals("finished") ? 1 : 0;
        sum += ending.equals("finished") ? mean : 0;
      }
      Claim claim = alike(tuned());
      ClaimLedger ledger = runs.ledger(claim);
      ClaimLedger.Entry entry = ledger.entries().get(claim).get(0);
      List<String> row = ledger.rows(false).get(0);
      String pairs = compared == RATES.length ? "4" : compared + " of 4";
      assertThat(row.get(6)).as("draw " + draw).isEqualTo(pairs);
      assertThat(entry.verdict() == ClaimLedger.Verdict.NOT_TESTED).isEqualTo(compared == 0);
      assertThat(entry.verdict() == ClaimLedger.Verdict.ONE_SEED)
          .isEqualTo(compared > 0 && seeds == 1);
      if (compared > 0 && seeds > 1) {
        assertThat(entry.effect().get().mean()).isCloseTo(sum / compared, within(1e-9));
      } else {
        assertThat(entry.effect()).isEmpty();
      }
    }
  }

  /** Who breaks with every seed has no score to compare by, and no verdict stands without it. */
  @Test
  void aPairThatBrokeLeavesNoVerdict() {
    Runs runs = new Runs();
    for (int seed = 0; seed < 5; seed++) {
      runs.add(trial(FULL, 1e-4, seed), 0.5 + seed / 100.0, null);
      runs.add(trial(LORA, 1e-4, seed), 0.9 - seed / 100.0, null);
      runs.add(trial(FULL, 1e-3, seed), 0.5, null);
      runs.ended(trial(LORA, 1e-3, seed), "diverged");
    }
    ClaimLedger.Entry entry = runs.entry(alike(tuned()));
    assertThat(entry.evidence().pairs()).hasSize(1);
    assertThat(entry.verdict()).isEqualTo(ClaimLedger.Verdict.CANNOT_TELL);
  }

  /** The best rate is found where some break: they are worse than any that does not. */
  @Test
  void ratesThatBreakAreTheWorst() {
    for (int draw = 0; draw < 50; draw++) {
      Random random = new Random(draw);
      Runs runs = new Runs();
      double sum = 0;
      for (int seed = 0; seed < 3; seed++) {
        for (Method method : List.of(LORA, FULL)) {
          double highest = -1;
          double best = 0;
          for (double rate : RATES) {
            double score = random.nextDouble();
            // The largest diverges with every seed, another one now and then.
            if (rate == 3e-3 || rate == 1e-3 && random.nextBoolean()) {
              runs.ended(trial(method, rate, seed), "diverged");
            } else {
              runs.add(trial(method, rate, seed), random.nextDouble(), score);
              best = score > highest ? rate : best;
              highest = Math.max(score, highest);
            }
          }
          sum += (method == LORA ? 1 : -1) * Math.log10(best);
        }
      }
      ClaimLedger.Entry entry = runs.entry(bestRates());
      assertThat(entry.effect()).as("draw " + draw).isPresent();
      assertThat(entry.effect().get().count()).isEqualTo(3);
      assertThat(entry.effect().get().mean()).isCloseTo(sum / 3, within(1e-9));
    }
  }

  /** Seeds that agree on one of a few rates may still lie a part of a step apart. */
  @Test
  void equalBestRatesAreEqualByTheStepsBetweenThem() {
    Runs runs = new Runs();
    for (int seed = 0; seed < 2; seed++) {
      for (double rate : RATES) {
        runs.add(trial(LORA, rate, seed), rate == 1e-3 ? 0.9 : 0.5, null);
        runs.add(trial(FULL, rate, seed), rate == 3e-4 ? 0.9 : 0.5, null);
      }
    }
    ClaimLedger.Entry entry = runs.entry(bestRates());
    assertThat(entry.effect().get().interval().half()).isGreaterThan(0.5);
    assertThat(entry.verdict()).isEqualTo(ClaimLedger.Verdict.CANNOT_TELL);
  }

  /** What the table keeps apart, the ledger and the noise do too. */
  @Test
  void cellsAreTheLinesOfTheTable() {
    Claim claim = alike(claim(Map.of("ratio", List.of("4")), Map.of("ratio", List.of("1"))));
    for (int draw = 0; draw < 50; draw++) {
      Random random = new Random(draw);
      Runs runs = new Runs();
      Set<String> drawn = new HashSet<>();
      for (int i = 0; i < 30; i++) {
        Trial trial =
            Runs.trial(
                random.nextBoolean() ? LORA : FULL,
                SampleSweep.QV,
                RATES[random.nextInt(2)],
                random.nextBoolean() ? 4 : 1,
                1e-2,
                random.nextInt(2));
        String sweep = draw % 2 == 0 || random.nextBoolean() ? "first" : "second";
        int version = draw % 3 == 0 ? 1 : 1 + random.nextInt(2);
        // A sweep draws its rows by one seed.
        Trial own = Runs.withDataSeed(trial, sweep.equals("first") || draw % 5 == 0 ? 0 : 3);
        if (drawn.add(own.id() + version)) {
          runs.add(own, random.nextDouble(), version, sweep);
        }
      }
      Results results = runs.results();
      Set<Set<String>> lines = new HashSet<>();
      results.lines().forEach(line -> lines.add(ids(line.runs("rte"))));
      Set<Set<String>> cells = new HashSet<>();
      Cell.of(results, "rte").forEach(cell -> cells.add(ids(cell.runs())));
      assertThat(cells).as("draw " + draw).isEqualTo(lines);
      for (Evidence.Pair pair : pairs(runs, claim)) {
        boolean isOfOneMethod =
            pair.first().axes().get("method").equals(pair.second().axes().get("method"));
        for (Run first : pair.first().runs()) {
          for (Run second : pair.second().runs()) {
            assertThat(isOfOneMethod).isTrue();
            assertThat(second.settings().get("semantics_version"))
                .isEqualTo(first.settings().get("semantics_version"));
            if (results.extras().contains("sweep")) {
              assertThat(second.settings().get("sweep")).isEqualTo(first.settings().get("sweep"));
            }
          }
        }
      }
      Run like = results.runs().get(0);
      int expected = 0;
      for (Set<Run> recipe : byRecipe(results.runs(), like)) {
        expected += Math.max(0, (int) recipe.stream().map(Run::seed).distinct().count() - 1);
      }
      assertThat(
              SeedNoise.of(like, results.runs()).map(noise -> noise.pooled().freedom()).orElse(0))
          .isEqualTo(expected);
    }
  }

  /** Runs of one trial, its seed aside, that are of one version and on the data of another. */
  private static List<Set<Run>> byRecipe(List<Run> runs, Run like) {
    Map<String, Set<Run>> recipes = new TreeMap<>();
    runs.stream()
        .filter(run -> run.settings().get("data_hash").equals(like.settings().get("data_hash")))
        .forEach(
            run ->
                recipes
                    .computeIfAbsent(
                        run.axes()
                            + " "
                            + run.settings().get("recipe")
                            + run.settings().get("semantics_version"),
                        key -> new HashSet<>())
                    .add(run));
    return List.copyOf(recipes.values());
  }

  private static Set<String> ids(List<Run> runs) {
    Set<String> ids = new TreeSet<>();
    runs.forEach(run -> ids.add(run.id()));
    return ids;
  }

  /**
   * Rows of another version of the program say nothing of their settings, and are not one recipe.
   */
  @Test
  void rowsThatCannotBeReadAreNoNoise() {
    Runs runs = new Runs();
    for (int seed = 0; seed < 3; seed++) {
      runs.unreadable(trial(LORA, 1e-4, seed), seed);
      runs.unreadable(trial(FULL, 1e-4, seed), 10 + seed);
    }
    assertThat(SeedNoise.of(runs.list().get(0), runs.list())).isEmpty();
  }

  /** Scores of few examples that happen to lie equally far apart are no certainty. */
  @Test
  void equalDifferencesOfTwoSeedsAreNoVerdict() {
    for (int draw = 0; draw < 50; draw++) {
      Random random = new Random(draw);
      Runs runs = new Runs();
      int lead = 1 + random.nextInt(3);
      int start = random.nextInt(50);
      for (int seed = 0; seed < 2; seed++) {
        int score = seed == 0 ? start : start + lead;
        runs.add(trial(FULL, 1e-4, seed), score / 100.0, null);
        runs.add(trial(LORA, 1e-4, seed), (score + lead) / 100.0, null);
      }
      ClaimLedger.Entry entry = runs.entry(tuned());
      assertThat(entry.effect().get().interval().half()).isGreaterThan(0.01);
      assertThat(entry.verdict()).isEqualTo(ClaimLedger.Verdict.CANNOT_TELL);
    }
  }

  /** What ran out of memory says nothing of a rate, so that seed is not compared. */
  @Test
  void ratesThatFailedOtherwiseTakeTheirSeedOut() {
    Runs runs = new Runs();
    for (int seed = 0; seed < 3; seed++) {
      for (Method method : List.of(LORA, FULL)) {
        runs.add(trial(method, 1e-4, seed), 0.5, 0.5);
        if (seed == 1) {
          runs.ended(trial(method, 1e-3, seed), "oom");
        } else {
          runs.add(trial(method, 1e-3, seed), 0.6, 0.6);
        }
      }
    }
    assertThat(runs.entry(bestRates()).effect().get().count()).isEqualTo(2);
  }

  /** No pair crosses rates of the head, whatever the grid; and what may be compared is. */
  @Test
  void sidesHaveOneRateOfTheHeadOrOneThatFollows() {
    double[] heads = {0, 1e-3, 3e-4};
    for (int draw = 0; draw < 50; draw++) {
      Random random = new Random(draw);
      Runs runs = new Runs();
      Map<String, Set<List<Double>>> drawn = new TreeMap<>();
      for (Method method : List.of(LORA, FULL)) {
        for (double rate : RATES) {
          for (double head : heads) {
            double own = head == 0 ? rate : head;
            if (random.nextBoolean()
                && drawn
                    .computeIfAbsent(method == LORA ? "lora" : "full", id -> new HashSet<>())
                    .add(List.of(rate, own))) {
              runs.add(Runs.trial(method, SampleSweep.QV, rate, 1, own, 0), 0.5, null);
              runs.add(Runs.trial(method, SampleSweep.QV, rate, 1, own, 1), 0.6, null);
            }
          }
        }
      }
      List<Evidence.Pair> pairs = pairs(runs, tuned());
      for (Evidence.Pair pair : pairs) {
        List<List<Double>> both = new ArrayList<>(rates(pair.sides().first()));
        both.addAll(rates(pair.sides().second()));
        assertThat(
                both.stream().allMatch(rate -> rate.get(0).equals(rate.get(1)))
                    || both.stream().map(rate -> rate.get(1)).distinct().count() == 1)
            .as("draw %d: %s", draw, both)
            .isTrue();
      }
      for (double head : heads) {
        List<List<Double>> first = of(drawn.get("lora"), head);
        List<List<Double>> second = of(drawn.get("full"), head);
        assertThat(
                first.isEmpty()
                    || second.isEmpty()
                    || pairs.stream()
                        .anyMatch(
                            pair ->
                                rates(pair.sides().first()).containsAll(first)
                                    && rates(pair.sides().second()).containsAll(second)))
            .as("draw %d, head %s", draw, head)
            .isTrue();
      }
      assertThat(pairs(runs, alike(tuned())))
          .allSatisfy(
              pair ->
                  assertThat(rates(pair.sides().first())).isEqualTo(rates(pair.sides().second())));
    }
  }

  /** One rate of the head for all: that it equals one of the rates does not take that one out. */
  @Test
  void aRateThatTheHeadHasTooIsOneOfTheOthers() {
    for (int winner = 0; winner < RATES.length; winner++) {
      Runs runs = new Runs();
      for (Method method : List.of(LORA, FULL)) {
        for (int i = 0; i < RATES.length; i++) {
          Trial trial = Runs.trial(method, SampleSweep.QV, RATES[i], 1, 1e-3, 100);
          runs.tuned(trial, i == (method == LORA ? winner : 1) ? 0.9 : 0.5);
        }
        double rate = method == LORA ? RATES[winner] : RATES[1];
        for (int seed = 0; seed < 3; seed++) {
          Trial trial = Runs.trial(method, SampleSweep.QV, rate, 1, 1e-3, seed);
          runs.add(trial, method == LORA ? 0.75 : 0.5, 0.5);
        }
      }
      ClaimLedger.Entry entry = runs.entry(tuned());
      assertThat(entry.evidence().pairs()).hasSize(1);
      assertThat(entry.effect().get().mean()).isEqualTo(0.25);
    }
  }

  private static List<Evidence.Pair> pairs(Runs runs, Claim claim) {
    return runs.ledger(claim).entries().get(claim).stream()
        .flatMap(entry -> entry.evidence().pairs().stream())
        .toList();
  }

  private static List<List<Double>> rates(Sides.Side side) {
    return side.cells().stream()
        .map(
            cell ->
                List.of(
                    Double.valueOf(cell.axes().get("learning-rate")),
                    Double.valueOf(cell.axes().get("head-learning-rate"))))
        .toList();
  }

  /** Those with a rate of the head, or for 0 those where it follows. */
  private static List<List<Double>> of(Set<List<Double>> rates, double head) {
    return rates == null
        ? List.of()
        : rates.stream()
            .filter(rate -> head == 0 ? rate.get(0).equals(rate.get(1)) : rate.get(1) == head)
            .toList();
  }

  /** Each cell of targets and λ has a rate of its own, and is found by it. */
  @Test
  void tellsConfoundedAxesApartWhereEachCellHasItsOwnRate() {
    Claim claim =
        claim(
            Map.of("targets", List.of("qv"), "ratio", List.of("4")),
            Map.of("targets", List.of("qkv"), "ratio", List.of("1")));
    for (int draw = 0; draw < 50; draw++) {
      Random random = new Random(draw);
      double[][] mean = new double[2][2];
      double[][] own = new double[2][2];
      boolean isWhole = random.nextBoolean();
      Runs runs = new Runs();
      for (int targets = 0; targets < 2; targets++) {
        for (int ratio = 0; ratio < 2; ratio++) {
          own[targets][ratio] = RATES[random.nextInt(RATES.length)];
          for (int seed = 0; seed < 3 && (isWhole || targets == ratio); seed++) {
            double score = random.nextDouble();
            mean[targets][ratio] += score / 3;
            runs.add(
                Runs.trial(
                    LORA,
                    targets == 0 ? SampleSweep.QV : SampleSweep.QKV,
                    own[targets][ratio],
                    ratio == 0 ? 4 : 1,
                    own[targets][ratio],
                    seed),
                score,
                null);
          }
        }
      }
      Evidence evidence = runs.entry(claim).evidence();
      assertThat(evidence.isConfounded()).isEqualTo(!isWhole);
      if (isWhole) {
        assertThat(evidence.missing()).isEmpty();
        assertThat(average(evidence.alone("targets")))
            .isCloseTo(mean[0][0] - mean[1][0], within(1e-9));
        assertThat(average(evidence.alone("ratio")))
            .isCloseTo(mean[0][0] - mean[0][1], within(1e-9));
      } else {
        // At the rate of either side, for that of the cell is not known.
        assertThat(evidence.missing())
            .hasSize(own[0][0] == own[1][1] ? 2 : 4)
            .allSatisfy(
                axes ->
                    assertThat(Double.parseDouble(axes.get("learning-rate")))
                        .isIn(own[0][0], own[1][1])
                        .isEqualTo(Double.parseDouble(axes.get("head-learning-rate"))));
      }
    }
  }

  private static double average(double[] values) {
    return Arrays.stream(values).average().orElse(Double.NaN);
  }

  /** What is taken off has the best rate of its own. */
  @Test
  void countsGainsFromTheBestOfTheOtherSetting() {
    for (int draw = 0; draw < 50; draw++) {
      Random random = new Random(draw);
      Runs runs = new Runs();
      double expected = 0;
      for (Method method : List.of(LORA, FULL)) {
        for (double ratio : new double[] {4, 1}) {
          double highest = -1;
          double best = 0;
          for (double rate : RATES) {
            double validation = random.nextDouble();
            double score = random.nextDouble();
            for (int seed = 0; seed < 2; seed++) {
              runs.add(
                  Runs.trial(method, SampleSweep.QV, rate, ratio, rate, seed), score, validation);
            }
            best = validation > highest ? score : best;
            highest = Math.max(highest, validation);
          }
          expected += (method == LORA ? 1 : -1) * (ratio == 4 ? 1 : -1) * best;
        }
      }
      Claim plain = tuned();
      Claim claim =
          new Claim(
              "gains",
              "test",
              Map.of("method", List.of("lora"), "ratio", List.of("4")),
              Map.of("method", List.of("full")),
              List.of(),
              plain.measure(),
              plain.says(),
              0,
              1,
              plain.bestOf(),
              Map.of("ratio", "1"),
              List.of(),
              Map.of(),
              null);
      assertThat(runs.entry(claim).effect().get().mean()).isCloseTo(expected, within(1e-9));
    }
  }

  private static Trial trial(Method method, double rate, long seed) {
    return Runs.trial(method, SampleSweep.QV, rate, 1, rate, seed);
  }

  /** LoRA beats full tuning, each at its best rate. */
  private static Claim tuned() {
    return claim(Map.of("method", List.of("lora")), Map.of("method", List.of("full")));
  }

  /** The same rate by rate. */
  private static Claim alike(Claim claim) {
    return with(claim, Claim.Measure.SCORE, List.of());
  }

  private static Claim bestRates() {
    return with(tuned(), Claim.Measure.BEST_LEARNING_RATE, List.of());
  }

  private static Claim with(Claim claim, Claim.Measure measure, List<String> bestOf) {
    return new Claim(
        claim.name(),
        claim.source(),
        claim.first(),
        claim.second(),
        claim.tasks(),
        measure,
        claim.says(),
        measure.isFactor() ? 1 : claim.by(),
        measure.isFactor() ? 2 : claim.margin(),
        bestOf,
        claim.less(),
        claim.together(),
        claim.paper(),
        claim.remark());
  }

  static Claim claim(Map<String, List<String>> first, Map<String, List<String>> second) {
    return new Claim(
        "better",
        "test",
        first,
        second,
        List.of(),
        Claim.Measure.SCORE,
        Claim.Says.HIGHER,
        0,
        1,
        List.of("learning-rate"),
        Map.of(),
        List.of(),
        Map.of(),
        null);
  }
}
