package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.Random;
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
      runs.add(trial(FULL, 1e-4, seed), 0.6, null);
      runs.add(trial(LORA, 1e-4, seed), 0.7, null);
      if (seed < 2) {
        runs.add(trial(LORA, 1e-3, seed), 0.9, null);
      } else {
        runs.ended(trial(LORA, 1e-3, seed), "diverged");
      }
    }
    ClaimLedger.Entry entry = runs.entry(tuned());
    assertThat(entry.effect().get().mean()).isCloseTo(0.1, within(1e-9));
    assertThat(entry.verdict()).isNotEqualTo(ClaimLedger.Verdict.CANNOT_TELL);
  }

  private static Trial trial(Method method, double rate, long seed) {
    return Runs.trial(method, SampleSweep.QV, rate, 1, rate, seed);
  }

  /** LoRA beats full tuning, each at its best rate. */
  private static Claim tuned() {
    return claim(Map.of("method", List.of("lora")), Map.of("method", List.of("full")));
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
