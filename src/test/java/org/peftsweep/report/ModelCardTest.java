package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;
import org.peftsweep.stats.Looks;
import org.peftsweep.stats.MeanTest;
import org.peftsweep.train.Outcome.Status;

class ModelCardTest {
  private static final ModelCard.Base BASE = new ModelCard.Base("base", "unknown", true);

  @TempDir Path output;

  /** The trials are best at their second evaluation and end ten points lower. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void allScoresAreOfTheLastStepAndTheIntervalIsTheSweeps(boolean sequential) {
    SampleSweep sweep = new SampleSweep(output, "s");
    SplittableRandom random = new SplittableRandom(6);
    double[] last = random.doubles(5, 0.5, 0.8).toArray();
    for (int seed = 0; seed < last.length; seed++) {
      sweep
          .folder()
          .publish(
              Samples.row(
                  "s", Samples.trial("rte", seed), 1, Samples.finished(last[seed] + 0.1, 400)));
    }
    sweep.fail(Samples.trial("rte", 5), Status.DIVERGED, "the loss overflowed");
    sweep
        .folder()
        .write(
            new Manifest(
                List.of("rte"),
                List.of(),
                List.of(0L),
                List.of(),
                Map.of(),
                List.of(),
                0,
                null,
                List.of(),
                Map.of(),
                sequential));
    MeanTest wanted = MeanTest.of(last, 1.0 / 400, sequential ? Looks.REPEATED : Looks.ONCE);
    assertThat(card(sweep, Samples.trial("rte", 3)))
        .contains("on dev, after the last step |")
        .contains("| this model, seed 3 | " + Figures.percent(last[3]) + " |")
        .contains(
            "| the recipe, mean of 5 seeds (5 of 6 seeds; 1 diverged) | "
                + Figures.percent(Arrays.stream(last).average().orElseThrow())
                + " |")
        .contains("| 95 % interval | " + Figures.ends(wanted.interval()) + " |");
  }

  /** What is known over examples is of another step. */
  @Test
  void oneSeedThatEndedAfterItsBestStepHasNoInterval() {
    SampleSweep sweep = new SampleSweep(output, "s");
    Trial trial = Samples.trial("rte", 0);
    sweep.folder().publish(Samples.row("s", trial, 1, Samples.finished(0.7, 40)));
    assertThat(card(sweep, trial))
        .contains("| this model, seed 0 | 60.00 |")
        .doesNotContain("95 % interval");
    Trial other = Samples.trial("mrpc", 0);
    sweep.add(other, 0.7);
    assertThat(card(sweep, other))
        .contains("| this model, seed 0 | 70.00 |", "| the recipe, one seed | 70.00 |")
        .contains("95 % interval");
  }

  private static String card(SampleSweep sweep, Trial trial) {
    ResultTables tables = ResultTables.of(LocalSpark.session(), sweep.folder());
    return ModelCard.of(sweep.folder(), tables, trial).text(ModelCard.Kind.ADAPTER, BASE);
  }
}
