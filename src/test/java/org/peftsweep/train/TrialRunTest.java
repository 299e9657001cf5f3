package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.TensorInfo;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Tasks;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.Full;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.method.Untrained;
import org.peftsweep.model.Role;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.spec.ModelSource;
import org.peftsweep.spec.Phase;
import org.peftsweep.spec.TaskSource;
import org.peftsweep.spec.Training;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Status;

/** Whole trials on the model that ships with the project. */
class TrialRunTest {
  private static final String MINI = "builtin:mini";
  private static final Set<Role> QV = EnumSet.of(Role.QUERY, Role.VALUE);
  private static final Library LIBRARY = new Library(new Configuration());

  @TempDir Path folder;

  /** Hears every step's loss. */
  private static final class Losses implements Progress {
    private final List<Double> losses = new ArrayList<>();

    @Override
    public void step(int step, int steps, double loss) {
      assertThat(step).isEqualTo(losses.size() + 1);
      losses.add(loss);
    }

    @Override
    public void evaluated(CurvePoint point) {}
  }

  @Test
  void theSameTrialTwiceGivesTheSameLosses() {
    Trial trial = trial(new LoRA(4, 8, 0.1), QV, rates(1e-3), training(20, Padding.LONGEST, 1), 3);
    assertThat(losses(trial, "cpu", 1)).isEqualTo(losses(trial, "cpu", 1)).hasSize(20);
  }

  @Test
  void anotherSeedGivesOtherLosses() {
    Training training = training(3, Padding.LONGEST, 1);
    Trial one = trial(new LoRA(4, 8, 0.1), QV, rates(1e-3), training, 3);
    Trial other = trial(new LoRA(4, 8, 0.1), QV, rates(1e-3), training, 4);
    assertThat(losses(one, "cpu", 1)).isNotEqualTo(losses(other, "cpu", 1));
  }

  @Test
  void methodsOfOneSeedSeeTheSameBatches() {
    Training training = training(1, Padding.LONGEST, 1);
    Trial lora = trial(new LoRA(4, 8, 0.1), QV, rates(1e-3), training, 3);
    Trial dora = trial(new DoRA(8, 8, 0.1), QV, rates(1e-3), training, 3);
    // Both start as the base model, so equal batches give equal first losses.
    assertThat(losses(lora, "cpu", 1).get(0))
        .isCloseTo(losses(dora, "cpu", 1).get(0), within(1e-5));
  }

  @Test
  void lossesDoNotDependOnThreadsBeyondRounding() {
    Trial trial = trial(new DoRA(4, 8, 0.1), QV, rates(1e-3), training(20, Padding.LONGEST, 1), 0);
    assertClose(losses(trial, "cpu", 1), losses(trial, "cpu", 2), 1e-5);
  }

  @Test
  void backendsAgreeOverWholeTrials() {
    Trial trial = trial(new LoRA(4, 8, 0.1), QV, rates(1e-3), training(10, Padding.LONGEST, 1), 0);
    assertClose(losses(trial, "cpu", 1), losses(trial, "nd4j", 1), 1e-4);
  }

  @Test
  void samediffTrainsAsTheTapeDoes() {
    samediffTrainsAsTheTapeDoes(2);
  }

  @Tag("long")
  @Test
  void samediffTrainsAsTheTapeDoesForTwentySteps() {
    samediffTrainsAsTheTapeDoes(20);
  }

  private static void samediffTrainsAsTheTapeDoes(int steps) {
    Training training = training(steps, Padding.LONGEST, 1);
    Trial trial = tuning(trial(new LoRA(4, 8, 0.1), QV, rates(1e-3), training, 0));
    Losses wanted = new Losses();
    Losses given = new Losses();
    Outcome cpu = run(trial, "cpu", 1, wanted);
    Outcome samediff = run(trial, "samediff", 1, given);
    assertClose(wanted.losses, given.losses, 1e-4);
    assertThat(cpu.last().validationScore()).isNotNull();
    assertThat(samediff.last().validationScore()).isEqualTo(cpu.last().validationScore());
  }

  @Test
  void paddingChangesNothingButTime() {
    Trial tight = trial(new LoRA(4, 8, 0), QV, rates(1e-3), training(10, Padding.LONGEST, 1), 0);
    Trial wide = trial(new LoRA(4, 8, 0), QV, rates(1e-3), training(10, Padding.MAX, 1), 0);
    assertClose(losses(tight, "cpu", 1), losses(wide, "cpu", 1), 1e-4);
  }

  @Test
  void accumulatedPassesEqualOneLargeBatch() {
    Trial whole = trial(new LoRA(4, 8, 0), QV, rates(1e-3), training(5, Padding.MAX, 1), 0);
    Trial parts = trial(new LoRA(4, 8, 0), QV, rates(1e-3), training(5, Padding.MAX, 4), 0);
    assertClose(losses(whole, "cpu", 1), losses(parts, "cpu", 1), 1e-4);
  }

  @Test
  void aTuningTrialLearnsTheSameAndNeverLooksAtTheReportedSets() {
    Trial trial = trial(new LoRA(4, 8, 0), QV, rates(2e-3), training(12, Padding.LONGEST, 1), 0);
    Outcome evaluated = run(trial, "cpu", 1, Progress.SILENT);
    Outcome tuned = run(tuning(trial), "cpu", 1, Progress.SILENT);
    assertThat(tuned.curve())
        .extracting(CurvePoint::validationScore)
        .isEqualTo(evaluated.curve().stream().map(CurvePoint::validationScore).toList());
    assertThat(tuned.curve()).extracting(CurvePoint::devScore).containsOnlyNulls();
    assertThat(tuned.curve()).allSatisfy(point -> assertThat(point.devMetrics()).isEmpty());
    assertThat(tuned.predictions()).isEmpty();
    assertThat(evaluated.predictions()).isNotEmpty();
  }

  @Test
  void keepsBestAndLastEvaluationAndPredictionsOfTheBest() {
    Trial trial = trial(new LoRA(4, 8, 0), QV, rates(2e-3), training(24, Padding.LONGEST, 1), 0);
    Outcome outcome = run(trial, "cpu", 1, Progress.SILENT);
    assertThat(outcome.status()).isEqualTo(Status.FINISHED);
    assertThat(outcome.curve()).extracting(CurvePoint::step).containsExactly(0, 10, 20, 24);
    assertThat(outcome.last()).isSameAs(outcome.curve().get(3));
    double best =
        outcome.curve().stream().mapToDouble(CurvePoint::validationScore).max().orElseThrow();
    assertThat(outcome.best().validationScore()).isEqualTo(best);
    assertThat(outcome.predictions()).hasSize(500);
    double accuracy =
        outcome.predictions().stream()
                .filter(prediction -> prediction.prediction() == prediction.label())
                .count()
            / 500.0;
    assertThat(accuracy).isEqualTo(outcome.best().devMetrics().get("dev/accuracy"));
    assertThat(outcome.trainableParameters()).isEqualTo(2 * 2 * 4 * (128 + 128));
    assertThat(outcome.headParameters()).isEqualTo(128 * 128 + 128 + 128 * 2 + 2);
    assertThat(outcome.optimizerBytes())
        .isEqualTo(8 * (outcome.trainableParameters() + outcome.headParameters()));
    assertThat(outcome.peakBytes()).isGreaterThan(outcome.optimizerBytes());
  }

  @Test
  void aLossThatIsNoNumberEndsTheTrialAsDiverged() {
    Trial trial = trial(new Full(), QV, rates(1e30), training(20, Padding.LONGEST, 1), 0);
    Outcome outcome = run(trial, "cpu", 1, Progress.SILENT);
    assertThat(outcome.status()).isEqualTo(Status.DIVERGED);
    assertThat(outcome.reason()).matches("Loss is (NaN|-?Infinity) at step \\d+");
    assertThat(outcome.steps()).isBetween(1, 19);
    assertThat(outcome.best()).isNull();
    assertThat(outcome.predictions()).isEmpty();
  }

  @Test
  void handsOverTheTensorsOfATrialThatFinishes() {
    Trial trial = trial(new LoRA(4, 8, 0), QV, rates(1e-3), training(3, Padding.LONGEST, 1), 0);
    Path file = folder.resolve("kept.safetensors");
    TensorSink sink = tensors -> tensors.write(file);
    Outcome outcome = run(trial, sink.upTo(1 << 20));
    try (SafeTensors kept = SafeTensors.open(file)) {
      assertThat(kept.metadata()).containsEntry(TensorSink.TRIAL, trial.toJson());
      assertThat(kept.tensors().values().stream().mapToLong(TensorInfo::elements).sum())
          .isEqualTo(outcome.trainableParameters() + outcome.headParameters());
      assertThat(kept.floats("roberta.encoder.layer.1.attention.self.value.lora_B.weight"))
          .hasSize(4 * 128)
          .doesNotContain(0);
    }
  }

  @Test
  void handsOverNothingThatIsTooLargeOrDiverged() {
    Training training = training(3, Padding.LONGEST, 1);
    TensorSink sink =
        tensors -> {
          throw new AssertionError("nothing is to be kept");
        };
    Trial trial = trial(new LoRA(4, 8, 0), QV, rates(1e-3), training, 0);
    assertThat(run(trial, sink.upTo(1 << 10)).status()).isEqualTo(Status.FINISHED);
    assertThat(run(trial, sink.upTo(0)).status()).isEqualTo(Status.FINISHED);
    Trial diverging = trial(new Full(), QV, rates(1e30), training(20, Padding.LONGEST, 1), 0);
    assertThat(run(diverging, sink).status()).isEqualTo(Status.DIVERGED);
  }

  private static Outcome run(Trial trial, TensorSink sink) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, RunLimits.FREE.with(sink), Progress.SILENT);
    }
  }

  @Test
  void withoutStepsTheBaseIsEvaluatedOnce() {
    Training none = training(24, Padding.LONGEST, 1).withoutSteps();
    Trial trial = trial(new Untrained(), EnumSet.noneOf(Role.class), Rates.NONE, none, 0);
    Outcome outcome = run(trial, "cpu", 1, Progress.SILENT);
    assertThat(outcome.status()).isEqualTo(Status.FINISHED);
    assertThat(outcome.curve()).hasSize(1);
    assertThat(outcome.steps()).isZero();
    assertThat(outcome.finalLoss()).isNull();
  }

  @ParameterizedTest
  @ValueSource(ints = {65, 128})
  void aModelTooShortForTheTrialIsRefused(int maxTokens) {
    Training t = training(1, Padding.LONGEST, 1);
    Training tooLong =
        new Training(
            t.epochs(),
            t.maxSteps(),
            t.batch(),
            1,
            maxTokens,
            t.pad(),
            1,
            t.schedule(),
            0,
            1,
            0,
            new AdamW(0.9, 0.99, 1e-8),
            0,
            Training.Precision.FP32);
    Trial trial = trial(new LoRA(4, 8, 0), QV, rates(1e-3), tooLong, 0);
    assertThatThrownBy(() -> run(trial, "cpu", 1, Progress.SILENT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("max-tokens = " + maxTokens)
        .hasMessageContaining("64 positions");
  }

  @Test
  void dataThatChangedSinceThePlanIsRefused() {
    Trial trial = trial(new LoRA(4, 8, 0), QV, rates(1e-3), training(1, Padding.LONGEST, 1), 0);
    Trial stale =
        new Trial(
            trial.model(),
            trial.task().withContentHash("0".repeat(64)),
            trial.method(),
            trial.targets(),
            trial.rates(),
            trial.training(),
            0);
    assertThatThrownBy(() -> run(stale, "cpu", 1, Progress.SILENT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("Cannot train on mini-rte of builtin");
  }

  private static Trial tuning(Trial trial) {
    return new Trial(
        trial.model(),
        trial.task(),
        trial.method(),
        trial.targets(),
        trial.layers(),
        trial.rates(),
        trial.training(),
        trial.seed(),
        Phase.TUNING,
        0);
  }

  private static List<Double> losses(Trial trial, String backend, int threads) {
    Losses losses = new Losses();
    run(trial, backend, threads, losses);
    return losses.losses;
  }

  private static Outcome run(Trial trial, String backendName, int threads, Progress progress) {
    try (Backend backend = Backends.open(backendName, threads)) {
      return new TrialRun(LIBRARY, backend).run(trial, progress);
    }
  }

  private static void assertClose(List<Double> actual, List<Double> wanted, double relative) {
    assertThat(actual).hasSameSizeAs(wanted);
    for (int i = 0; i < actual.size(); i++) {
      assertThat(actual.get(i))
          .as("loss of step %d", i + 1)
          .isCloseTo(wanted.get(i), within(relative * wanted.get(i)));
    }
  }

  private static Rates rates(double rate) {
    return new Rates(rate, 2, rate, Rates.Grouping.ROLES);
  }

  private static Training training(int steps, Padding pad, int accumulate) {
    return new Training(
        0,
        steps,
        32 / accumulate,
        accumulate,
        48,
        pad,
        1,
        Schedule.LINEAR,
        0,
        1,
        0,
        new AdamW(0.9, 0.99, 1e-8),
        10,
        Training.Precision.FP32);
  }

  private static Trial trial(
      Method method, Set<Role> targets, Rates rates, Training training, long seed) {
    TaskSource task =
        new TaskSource(Tasks.named("mini-rte"), TaskSource.BUILT_IN, "", 640, 0.1, 0, false);
    return new Trial(
        new ModelSource(MINI, LIBRARY.modelHash(MINI), false),
        task.withContentHash(LIBRARY.taskHash(task)),
        method,
        targets,
        rates,
        training,
        seed);
  }
}
