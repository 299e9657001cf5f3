package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
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
    return trial("rte", queryKey, value, seed);
  }

  private static Trial trial(String task, double queryKey, double value, long seed) {
    Trial sample = Samples.trial(task, new LoRA(8, 8, 0), SampleSweep.QKV, 1, seed);
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
                List.of(Arrays.asList(0.90, 0.85, null), List.of(0.8, 0.70, 0.60)),
                // R: t.test(c(75, 85)) prints 16.46898 … 143.53102.
                List.of(
                    List.of("90.00", "85.00", "—"), List.of("80.00 ± 63.53", "70.00", "60.00"))));
  }

  /** Tuning may choose another rate for each task: a recipe's scores stand at those of the task. */
  @Test
  void placesTheScoresOfATaskAtItsOwnRates() {
    SplittableRandom random = new SplittableRandom(2);
    Map<String, Map<List<Double>, Double>> wanted = new TreeMap<>();
    List<Double> rates = List.of(1e-5, 2e-5, 1e-4, 4e-4);
    for (String task : List.of("cola", "mrpc", "rte", "sst2")) {
      for (double ratio : List.of(1.0, 2.0, 8.0)) {
        double rate = rates.get(random.nextInt(rates.size()));
        double score = 0.5 + random.nextInt(100) / 400.0;
        sweep.add(trial(task, rate, rate * ratio, 0), score);
        double value = Double.parseDouble(String.format(Locale.ROOT, "%.6e", rate * ratio));
        wanted.computeIfAbsent(task, key -> new HashMap<>()).put(List.of(value, rate), score);
      }
    }
    List<Heatmap> heatmaps = sweep.report().heatmaps();
    assertThat(heatmaps).hasSizeGreaterThan(1);
    for (Heatmap map : heatmaps) {
      Map<List<Double>, Double> found = new HashMap<>();
      for (int i = 0; i < map.rows().size(); i++) {
        for (int j = 0; j < map.columns().size(); j++) {
          if (map.scores().get(i).get(j) != null) {
            found.put(List.of(map.rows().get(i), map.columns().get(j)), map.scores().get(i).get(j));
          }
        }
      }
      assertThat(found).isEqualTo(wanted.get(map.title().split(" ")[0]));
    }
  }

  @Test
  void isPrintedInEveryFormat() {
    Report report = grid().report();
    assertThat(Printed.text.of(report))
        .contains("η_V × η_QK\n══════════\n")
        .containsPattern("rte · LoRA QKV r=8 +0\\.002 +90\\.00 +85\\.00 +—")
        .containsPattern("rte · LoRA QKV r=8 +0\\.0001 +80\\.00 ± 63\\.53 +70\\.00 +60\\.00");
    assertThat(Printed.md.of(report))
        .contains("## η_V × η_QK\n")
        .contains("| rte · LoRA QKV r=8 | 0.0001 | 80.00 ± 63.53 | 70.00 | 60.00 |");
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
