package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.method.Methods;
import org.peftsweep.optim.Optimizers;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Status;

/**
 * Whole trials that are stopped and go on in a fresh run: the same numbers, bit for bit, over the
 * registry, with dropout, accumulated passes, and evaluations in the midst of epochs.
 */
class ResumeTest {
  private static final Library LIBRARY = new Library(new Configuration());
  private static final int STEPS = 11;

  /** Settings by which a method remembers something before the stop and uses it after. */
  private static final Map<String, String> SETTINGS =
      Map.of(
          "galore", ", gap: 4, rank: 4",
          "adalora", ", rank: 2",
          "eva", ", batches: 4, rho: 1.5",
          "lorafa", ", projection: true",
          "spielma", ", every: 3",
          "sara", ", refresh: 3");

  @TempDir java.nio.file.Path temporary;

  static Stream<String> blocks() {
    Stream<String> methods =
        Methods.all().keySet().stream()
            .map(id -> "{method: " + id + SETTINGS.getOrDefault(id, "") + "}");
    Stream<String> turns = Stream.of("{method: hft, resample: epoch}");
    Stream<String> plugIns =
        Stream.of(
            "{method: lora, plug-in: drtune, memory: 12, every: 3}",
            "{method: lora, plug-in: ema, decay: 0.9}",
            "{method: full, plug-in: ema, balanced: false}",
            "{method: lora, plug-in: ist, score-every: 3}",
            "{method: adalora, rank: 2, plug-in: ist, score-every: 3}",
            "{method: full, plug-in: ist, score-every: 2, update-fraction: 0.5}");
    Stream<String> optimizers =
        Optimizers.all().keySet().stream()
            .map(id -> "{method: lora, ratio: 1, optimizer: " + id + "}");
    Stream<String> halves =
        Backends.refusal(ElementType.BF16).isPresent()
            ? Stream.empty()
            : Stream.of("lora, dropout: 0.1", "dora", "vera", "full", "galore, gap: 4, rank: 4")
                .map(method -> "{method: " + method + ", precision: bf16}");
    Stream<String> quantised =
        Stream.of("{method: dora, weights: nf4}", "{method: pissa, weights: int8}");
    return Stream.of(methods, turns, plugIns, optimizers, halves, quantised)
        .flatMap(blocks -> blocks);
  }

  /** Hears all losses, and says from when on a trial is to stop. */
  private static class Listener implements Progress {
    private final List<Double> losses = new ArrayList<>();
    private final int stopAfterSteps;
    private int heard;

    Listener(int stopAfterSteps) {
      this.stopAfterSteps = stopAfterSteps;
    }

    @Override
    public void step(int step, int steps, double loss) {
      losses.add(loss);
      heard++;
    }

    @Override
    public void evaluated(CurvePoint point) {}

    boolean isStopped() {
      return heard >= stopAfterSteps;
    }
  }

  @ParameterizedTest
  @MethodSource("blocks")
  void aTrialThatIsStoppedAndGoesOnEndsAsIfNothingHadHappened(String block) {
    Trial trial = trial(block);
    Listener whole = new Listener(Integer.MAX_VALUE);
    Outcome undisturbed = run(trial, RunLimits.FREE, whole);
    assertThat(undisturbed.status()).isEqualTo(Status.FINISHED);

    // In the midst of an epoch; then at an evaluation, which is broken off; then after it.
    List<Double> losses = new ArrayList<>();
    for (int steps : new int[] {trial.training().takesSteps() ? 3 : 0, 1, 2}) {
      Listener listener = new Listener(steps);
      if (steps > 0 && !trial.training().takesSteps()) {
        continue;
      }
      assertThatThrownBy(() -> run(trial, limits(trial, listener), listener))
          .isInstanceOf(StoppedException.class);
      losses.addAll(listener.losses);
    }
    Listener last = new Listener(Integer.MAX_VALUE);
    Outcome resumed = run(trial, limits(trial, last), last);
    losses.addAll(last.losses);

    assertThat(losses).isEqualTo(whole.losses);
    assertThat(last.losses.size()).isEqualTo(trial.training().takesSteps() ? STEPS - 6 : 0);
    assertSame(resumed, undisturbed);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{method: lora}", "{method: adalora, rank: 2}", "{method: full}"})
  void aTrialThatStandsOnRungsEndsAsIfItHadNot(String block) {
    Trial trial = trial(block);
    Listener whole = new Listener(Integer.MAX_VALUE);
    Outcome undisturbed = run(trial, RunLimits.FREE, whole);

    List<Double> losses = new ArrayList<>();
    // Evaluated after 4, 8 and 11 steps. The second time it is there already.
    double[] rungs = {0.1, 0.1, 0.7};
    int[] steps = {4, 4, 8};
    for (int i = 0; i < rungs.length; i++) {
      Listener listener = new Listener(Integer.MAX_VALUE);
      Outcome stopped = run(trial, limits(trial, listener).until(rungs[i]), listener);
      losses.addAll(listener.losses);
      assertThat(stopped.status()).isEqualTo(Status.STOPPED);
      assertThat(stopped.steps()).isEqualTo(steps[i]);
      assertThat(stopped.best()).isNull();
      assertThat(stopped.predictions()).isEmpty();
      assertThat(stopped.curve())
          .usingRecursiveFieldByFieldElementComparatorIgnoringFields("seconds")
          .isEqualTo(undisturbed.curve().subList(0, 1 + steps[i] / 4));
    }
    Listener last = new Listener(Integer.MAX_VALUE);
    Outcome resumed = run(trial, limits(trial, last), last);
    losses.addAll(last.losses);
    assertThat(losses).isEqualTo(whole.losses);
    assertSame(resumed, undisturbed);
  }

  @Test
  void goesOnFromAStateKeptByTheClock() {
    Trial trial = trial("{method: lora}");
    Listener whole = new Listener(Integer.MAX_VALUE);
    Outcome undisturbed = run(trial, RunLimits.FREE, whole);

    RunLimits often =
        new RunLimits(
            Duration.ZERO,
            null,
            folder(trial),
            Duration.ofNanos(1),
            () -> false,
            TensorSink.NOTHING);
    Listener dying =
        new Listener(0) {
          @Override
          public void step(int step, int steps, double loss) {
            super.step(step, steps, loss);
            if (step == 7) {
              throw new IllegalStateException("the machine is gone");
            }
          }
        };
    assertThatThrownBy(() -> run(trial, often, dying)).hasMessage("the machine is gone");
    Listener last = new Listener(Integer.MAX_VALUE);
    Outcome resumed = run(trial, often, last);
    assertThat(last.losses).isEqualTo(whole.losses.subList(6, STEPS));
    assertSame(resumed, undisturbed);
  }

  private static void assertSame(Outcome resumed, Outcome undisturbed) {
    assertThat(resumed.status()).isEqualTo(Status.FINISHED);
    assertThat(resumed.finalLoss()).isEqualTo(undisturbed.finalLoss());
    assertThat(resumed.curve())
        .usingRecursiveFieldByFieldElementComparatorIgnoringFields("seconds")
        .isEqualTo(undisturbed.curve());
    assertThat(resumed.best().step()).isEqualTo(undisturbed.best().step());
    assertThat(resumed.predictions()).isEqualTo(undisturbed.predictions());
    assertThat(resumed.layers()).isEqualTo(undisturbed.layers());
    assertThat(resumed.ranks()).isEqualTo(undisturbed.ranks());
    assertThat(resumed.steps()).isEqualTo(undisturbed.steps());
    assertThat(resumed.optimizerBytes()).isEqualTo(undisturbed.optimizerBytes());
    assertThat(resumed.peakBytes()).isEqualTo(undisturbed.peakBytes());
  }

  private RunLimits limits(Trial trial, Listener listener) {
    return new RunLimits(
        Duration.ZERO, null, folder(trial), Duration.ZERO, listener::isStopped, TensorSink.NOTHING);
  }

  private CheckpointFolder folder(Trial trial) {
    return new CheckpointFolder(
        new Path(temporary.toUri().toString(), trial.id()), new Configuration());
  }

  private static Outcome run(Trial trial, RunLimits limits, Progress progress) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, limits, progress);
    }
  }

  /** Epochs of 3 steps: 45 examples, two passes of 8 a step. */
  private static Trial trial(String block) {
    String file =
        """
        name: x
        model: builtin:mini
        %strain-limit: 50
        validation-fraction: 0.1
        grid: [%s]
        training: {max-steps: %d, evaluate-every: 4, max-tokens: 32, batch: 8, accumulate: 2}
        rates: {learning-rate: 2e-3, ratio: 2}
        """
            .formatted(ShortTask.lines(), block, STEPS);
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash)
        .get(0);
  }
}
