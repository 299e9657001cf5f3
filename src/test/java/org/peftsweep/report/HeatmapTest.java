package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.peftsweep.method.LoRA;
import org.peftsweep.optim.Rates;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

class HeatmapTest {
  @TempDir Path output;
  private SampleSweep sweep;

  @BeforeEach
  void makeSweep() {
    sweep = new SampleSweep(output, "s");
  }

  /** Rates as a sweep file gives them: both, with the ratio between them. */
  private static Trial trial(double queryKey, double value, long seed) {
    Trial sample = Samples.trial("rte", new LoRA(8, 8, 0), SampleSweep.QKV, 1, seed);
    return new Trial(
        sample.model(),
        sample.task(),
        sample.method(),
        sample.targets(),
        new Rates(queryKey, value / queryKey, queryKey, Rates.Grouping.PAPER),
        sample.training(),
        seed);
  }

  /** Three rates by two, of which one did not finish; two seeds of one. */
  private SampleSweep grid() {
    sweep.add(trial(2e-5, 1e-4, 0), 0.75);
    sweep.add(trial(2e-5, 1e-4, 1), 0.85);
    sweep.add(trial(1e-4, 1e-4, 0), 0.70);
    sweep.add(trial(8e-4, 1e-4, 0), 0.60);
    sweep.add(trial(2e-5, 2e-3, 0), 0.90);
    sweep.add(trial(1e-4, 2e-3, 0), 0.85);
    sweep.fail(trial(8e-4, 2e-3, 0), Status.DIVERGED, "Loss is NaN at step 3");
    return sweep;
  }

  @Test
  void placesMeanScoresByBothRates() {
    assertThat(grid().report().heatmaps())
        .containsExactly(
            new Heatmap(
                "rte · LoRA QKV r=8",
                List.of(2e-3, 1e-4),
                List.of(2e-5, 1e-4, 8e-4),
                List.of(Arrays.asList(0.90, 0.85, null), List.of(0.8, 0.70, 0.60))));
  }

  @Test
  void isPrintedInEveryFormat() {
    Report report = grid().report();
    assertThat(Printed.text.of(report))
        .contains("η_V × η_QK\n══════════\n")
        .contains("rte · LoRA QKV r=8   0.002         90.00        85.00            —")
        .contains("rte · LoRA QKV r=8  0.0001         80.00        70.00        60.00");
    assertThat(Printed.md.of(report))
        .contains("## η_V × η_QK\n")
        .contains("| rte · LoRA QKV r=8 | 0.0001 | 80.00 | 70.00 | 60.00 |");
    assertThat(Printed.csv.of(report)).contains("rte · LoRA QKV r=8,0.002,90.00,85.00,—\n");
    assertThat(Printed.html.of(report))
        .contains("\"title\":\"rte · LoRA QKV r=8\"")
        .contains("\"scores\":[[0.9,0.85,null],[0.8,0.7,0.6]]");
  }

  @Test
  void oneRateOfQueryAndKeyMakesNoHeatmap() {
    sweep.add(trial(1e-4, 1e-4, 0), 0.70);
    sweep.add(trial(1e-4, 2e-3, 0), 0.85);
    assertThat(sweep.report().heatmaps()).isEmpty();
  }
}
