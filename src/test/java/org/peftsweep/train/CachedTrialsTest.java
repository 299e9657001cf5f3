package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.method.Methods;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Status;

/** Trials that find hidden states of frozen layers kept are the same, bit for bit. */
class CachedTrialsTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final long BYTES = 64L << 20;

  private static final Map<String, String> SETTINGS =
      Map.of(
          "adalora", ", rank: 2", "eva", ", batches: 4, rho: 1.5", "lorafa", ", projection: true");

  private record Ended(Outcome outcome, List<Double> losses) {}

  static Stream<String> blocks() {
    return Stream.concat(
        Methods.all().keySet().stream().map(CachedTrialsTest::upper),
        Stream.of(
            "method: lora, layers: 1, dropout: 0.2",
            "method: dora, layers: 1, weights: bf16",
            "method: lora, layers: 1, optimizer: lion",
            "method: lora, plug-in: ist, score-every: 3"));
  }

  /** A method in the upper layer, where it can be told. */
  private static String upper(String method) {
    String block = "method: " + method + SETTINGS.getOrDefault(method, "");
    return trial(block, "max").method().usesTargets() ? block + ", layers: 1" : block;
  }

  @ParameterizedTest
  @MethodSource("blocks")
  void aTrialIsTheSameWhateverIsKept(String block) {
    Library library = new Library(new Configuration());
    MemoryBudget budget = new MemoryBudget(1L << 30);
    // Each of many methods shows one way of padding.
    boolean isMax = Math.floorMod(block.hashCode(), 2) == 0;
    for (String padding : List.of(isMax ? "max" : "longest")) {
      Trial trial = trial(block, padding);
      Ended without = run(library, trial, 0, budget);
      for (String state : List.of("cold", "warm")) {
        Ended with = run(library, trial, BYTES, budget);
        assertThat(with.outcome.status()).isEqualTo(Status.FINISHED);
        assertThat(with.losses).as(state).isEqualTo(without.losses);
        assertThat(with.outcome.predictions()).as(state).isEqualTo(without.outcome.predictions());
        assertThat(with.outcome.peakBytes())
            .isLessThanOrEqualTo((long) (1.1 * with.outcome.predictedPeakBytes()));
      }
    }
  }

  /** Two epochs over 60 examples of 32 tokens, and 30 that are evaluated. */
  @Test
  void whatTheUpperLayerReadsIsKeptOnce() {
    Library library = new Library(new Configuration());
    MemoryBudget budget = new MemoryBudget(1L << 30);
    Trial trial = trial("method: lora, layers: 1", "max");
    run(library, trial, 0, budget);
    long before = budget.freeBytes();
    run(library, trial, BYTES, budget);
    long held = before - budget.freeBytes();
    assertThat(held).isBetween(60L * 32 * 128 * 4, 16L << 20);
    run(library, trial("method: dora, layers: 1, ratio: 4", "max"), BYTES, budget);
    assertThat(before - budget.freeBytes()).isEqualTo(held);
  }

  @Test
  void eachPrecisionKeepsItsOwn() {
    assumeTrue(Backends.refusal(ElementType.BF16).isEmpty(), "this processor has no such products");
    Library library = new Library(new Configuration());
    MemoryBudget budget = new MemoryBudget(1L << 30);
    Trial wide = trial("method: lora, layers: 1", "max");
    Trial half = trial("method: lora, layers: 1, precision: bf16", "max");
    Ended without = run(library, half, 0, budget);
    List<Double> first = run(library, wide, BYTES, budget).losses;
    for (String state : List.of("cold", "warm")) {
      assertThat(run(library, half, BYTES, budget).losses).as(state).isEqualTo(without.losses);
    }
    assertThat(run(library, wide, BYTES, budget).losses).isEqualTo(first);
  }

  @Test
  void trialsThatNeedTheMemoryGetIt() throws Exception {
    Library library = new Library(new Configuration());
    MemoryBudget budget = new MemoryBudget(64L << 20);
    Trial trial = trial("method: lora, layers: 1", "max");
    Ended first = run(library, trial, BYTES, budget);
    long free = budget.freeBytes();
    Footprint all = new Footprint(0, free + 1, 0, 0, 0, 0, 0);
    try (MemoryBudget.Share share = budget.admit(all, "another", new MemoryBudget.Passes(1, 1))) {
      assertThat(share).isNotNull();
      assertThat(budget.freeBytes()).isPositive();
    }
    assertThat(budget.freeBytes()).isGreaterThan(free);
    assertThat(run(library, trial, BYTES, budget).losses).isEqualTo(first.losses);
  }

  private static Ended run(Library library, Trial trial, long cacheBytes, MemoryBudget budget) {
    List<Double> losses = new ArrayList<>();
    Progress progress =
        new Progress() {
          @Override
          public void step(int step, int steps, double loss) {
            losses.add(loss);
          }

          @Override
          public void evaluated(CurvePoint point) {}
        };
    RunLimits limits =
        new RunLimits(
            Duration.ZERO,
            budget,
            null,
            Duration.ZERO,
            () -> false,
            cacheBytes,
            TensorSink.NOTHING);
    try (Backend backend = Backends.open("cpu", 1)) {
      return new Ended(new TrialRun(library, backend).run(trial, limits, progress), losses);
    }
  }

  private static Trial trial(String block, String padding) {
    String file =
        """
        name: x
        model: builtin:mini
        %strain-limit: 60
        validation-fraction: 0.1
        grid: [{%s}]
        training: {max-steps: 12, evaluate-every: 6, max-tokens: 32, batch: 12, pad: %s}
        rates: {learning-rate: 2e-3, ratio: 2}
        """
            .formatted(ShortTask.lines(), block, padding);
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash)
        .get(0);
  }
}
