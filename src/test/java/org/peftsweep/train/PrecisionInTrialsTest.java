package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.ElementType;
import org.peftsweep.method.Methods;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** Whole trials whose products have factors of 16 bits, beside the same in fp32. */
class PrecisionInTrialsTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final int STEPS = 20;
  private static final double MOST_OFF = 0.01;

  private static final Map<String, String> SETTINGS =
      Map.of(
          "galore", ", gap: 4, rank: 4",
          "adalora", ", rank: 2",
          "ept", ", tokens: 4",
          "eva", ", batches: 4",
          "mam", ", tokens: 4",
          "prefix", ", tokens: 4",
          "prompt", ", tokens: 4");

  @BeforeEach
  void needsAProcessorThatHasThem() {
    assumeTrue(Backends.refusal(ElementType.BF16).isEmpty(), "this processor has no such products");
  }

  static Stream<String> blocks() {
    return Stream.concat(
        Methods.all().keySet().stream().map(id -> "method: " + id + SETTINGS.getOrDefault(id, "")),
        Stream.of(
            "method: lora, rank: 64, targets: all",
            "method: lora, weights: bf16",
            "method: lora, init: random",
            "method: lora, plug-in: ist, score-every: 3"));
  }

  /** The trials of a block in fp32 and in bf16. */
  private static List<Trial> trials(String block) {
    String file =
        "name: x\n"
            + "model: builtin:mini\n"
            + "tasks: [mini-rte]\n"
            + "train-limit: 640\n"
            + "grid: [{precision: [fp32, bf16], "
            + block
            + "}]\ntraining: {max-steps: "
            + STEPS
            + ", max-tokens: 48, batch: 16}\nrates: {learning-rate: 1e-3}\n";
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash);
  }

  /** What each step lost, and how the trial ended. */
  private static final class Run implements Progress {
    private final List<Double> losses = new ArrayList<>();
    private final Outcome outcome;

    Run(Trial trial) {
      try (Backend backend = Backends.open("cpu", 1)) {
        outcome = new TrialRun(LIBRARY, backend).run(trial, this);
      }
      assertThat(outcome.status()).isEqualTo(Status.FINISHED);
    }

    @Override
    public void step(int step, int steps, double loss) {
      losses.add(loss);
    }

    @Override
    public void evaluated(Outcome.CurvePoint point) {}
  }

  @ParameterizedTest
  @MethodSource("blocks")
  void lossesStayNear(String block) {
    List<Trial> both = trials(block);
    Run wide = new Run(both.get(0));
    Run half = new Run(both.get(1));
    assertThat(half.losses).hasSameSizeAs(wide.losses);
    if (!wide.losses.isEmpty()) {
      assertThat(half.losses).isNotEqualTo(wide.losses);
    }
    for (int i = 0; i < wide.losses.size(); i++) {
      double wanted = wide.losses.get(i);
      assertThat(half.losses.get(i))
          .as("loss of step %d", i + 1)
          .isCloseTo(wanted, within(MOST_OFF * wanted));
    }
    double scoreOff = half.outcome.last().devScore() - wide.outcome.last().devScore();
    assertThat(Math.abs(scoreOff)).isLessThan(0.05);
    double measured = half.outcome.peakBytes();
    assertThat(half.outcome.predictedPeakBytes() / measured).isCloseTo(1, within(0.1));
  }

  @Test
  void theSameTrialGivesTheSameBitsAgain() {
    Trial trial = trials("method: lora, dropout: 0.1").get(1);
    assertThat(new Run(trial).losses).isEqualTo(new Run(trial).losses);
  }

  @Test
  void whatProductsKeepOfTheBaseIsForetold() {
    List<Trial> both = trials("method: lora");
    Footprint wide = footprint(both.get(0));
    Footprint half = footprint(both.get(1));
    assertThat(wide.packedBytes()).isZero();
    assertThat(half.sharedBytes()).isEqualTo(wide.sharedBytes());
    // Two layers of 12·128² elements, read in both directions but below the first adapter.
    long once = 2 * 12 * 128 * 128 * Short.BYTES;
    assertThat(half.packedBytes()).isBetween(once + once / 2, 2 * once);
    long forwards = footprint(trials("method: untrained").get(1)).packedBytes();
    assertThat(forwards).isBetween(once, once + once / 4);
  }

  private static Footprint footprint(Trial trial) {
    Base base = LIBRARY.base(trial.model(), "cpu");
    TokenisedTask data = LIBRARY.tokenised(trial);
    try (Backend backend = Backends.open("cpu", 1, BlasLibrary.OPENBLAS)) {
      return MemoryModel.predict(
          trial,
          base.config(),
          base::lacks,
          base.padId(),
          data,
          AdapterLayout.NONE,
          false,
          backend);
    }
  }
}
