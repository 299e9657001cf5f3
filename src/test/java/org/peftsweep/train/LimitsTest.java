package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.CurvePoint;
import org.peftsweep.train.Outcome.Status;

/** Trials that are longer or larger than they may be. */
@Timeout(300)
class LimitsTest {
  private static final Library LIBRARY = new Library(new Configuration());

  /** Does something after each step and each evaluation. */
  private record After(Runnable atStep, Runnable atEvaluation) implements Progress {
    @Override
    public void step(int step, int steps, double loss) {
      atStep.run();
    }

    @Override
    public void evaluated(CurvePoint point) {
      atEvaluation.run();
    }
  }

  @Test
  void aTrialIsStoppedWhenItsTimeIsOver() {
    long start = System.nanoTime();
    Outcome outcome = run(trial(100_000, 10), within(Duration.ofSeconds(3)), Progress.SILENT);
    assertThat(outcome.status()).isEqualTo(Status.TIMEOUT);
    assertThat(outcome.reason()).matches("Took [0-9.]+ s, the limit is 3\\.0 s");
    assertThat(outcome.steps()).isBetween(1, 99_999);
    assertThat(outcome.curve()).isNotEmpty();
    assertThat(outcome.best()).isNull();
    assertThat(outcome.predictions()).isEmpty();
    assertThat((System.nanoTime() - start) / 1e9).isGreaterThan(3);
    assertThat(Thread.currentThread().isInterrupted()).isFalse();
  }

  @Test
  void anEvaluationIsStoppedToo() {
    // The time is over after the last step, of which only the evaluation is left.
    Progress slow = new After(() -> pause(4000), () -> {});
    Outcome outcome = run(trial(1, 1), within(Duration.ofSeconds(3)), slow);
    assertThat(outcome.status()).isEqualTo(Status.TIMEOUT);
    assertThat(outcome.steps()).isEqualTo(1);
    assertThat(outcome.curve()).hasSize(1);
  }

  @Test
  void whatWaitsIsInterrupted() {
    long start = System.nanoTime();
    Progress stuck =
        new After(
            () -> {
              try {
                Thread.sleep(250_000);
              } catch (InterruptedException e) {
                throw new IllegalStateException("interrupted in a wait", e);
              }
            },
            () -> {});
    Outcome outcome = run(trial(10, 10), within(Duration.ofSeconds(3)), stuck);
    assertThat(outcome.status()).isEqualTo(Status.TIMEOUT);
    assertThat(outcome.reason()).isEqualTo("Took more than 3.0 s: interrupted in a wait");
    assertThat((System.nanoTime() - start) / 1e9).isLessThan(200);
    assertThat(Thread.currentThread().isInterrupted()).isFalse();
  }

  @Test
  void aTrialInTimeIsNotInterruptedAfterIt() throws Exception {
    Duration limit = Duration.ofSeconds(60);
    assertThat(run(trial(2, 2), within(limit), Progress.SILENT).status())
        .isEqualTo(Status.FINISHED);
    Deadline deadline = new Deadline(Duration.ofMillis(50));
    deadline.close();
    Thread.sleep(200);
    assertThat(Thread.currentThread().isInterrupted()).isFalse();
  }

  @Test
  void timeSpentBeforeCountsAndWaitingDoesNot() {
    try (Deadline deadline = new Deadline(Duration.ofSeconds(100))) {
      deadline.require();
      deadline.add(99);
      deadline.pause();
      pause(1500);
      deadline.resume();
      assertThat(deadline.hasPassed()).isFalse();
      deadline.add(1);
      assertThatThrownBy(deadline::require).isInstanceOf(Deadline.PassedException.class);
    }
  }

  @Test
  void aTrialTooLargeForTheBudgetIsARowAndAllocatesNothing() {
    MemoryBudget tiny = new MemoryBudget(1 << 20);
    RunLimits limits = limits(Duration.ZERO, tiny);
    try (Backend backend = Backends.open("cpu", 1)) {
      Outcome outcome = new TrialRun(LIBRARY, backend).run(trial(2, 2), limits, Progress.SILENT);
      assertThat(outcome.status()).isEqualTo(Status.OOM);
      assertThat(outcome.reason())
          .startsWith("Cannot run in 1048576 bytes: predicted are ")
          .contains("compute.memory-mebibytes");
      assertThat(outcome.predictedPeakBytes()).isGreaterThan(1 << 20);
      assertThat(outcome.peakBytes()).isNull();
      assertThat(backend.allocations().peakBytes()).isZero();
    }
  }

  @Test
  void anAdmittedTrialGivesItsShareBackHoweverItEnds() {
    MemoryBudget budget = new MemoryBudget(1 << 30);
    RunLimits limits = limits(Duration.ZERO, budget);
    run(trial(2, 2), limits, Progress.SILENT);
    long free = budget.freeBytes();
    assertThatThrownBy(
            () ->
                run(
                    trial(2, 2),
                    limits,
                    new After(
                        () -> {
                          throw new IllegalArgumentException("a bug");
                        },
                        () -> {})))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("a bug");
    assertThat(budget.freeBytes()).isEqualTo(free);
  }

  private static RunLimits within(Duration limit) {
    return limits(limit, null);
  }

  private static RunLimits limits(Duration limit, MemoryBudget memory) {
    return new RunLimits(limit, memory, null, Duration.ZERO, () -> false, TensorSink.NOTHING);
  }

  private static void pause(int millis) {
    long end = System.nanoTime() + millis * 1_000_000L;
    while (System.nanoTime() < end) {
      // Deaf to interruption, as a kernel is.
      Thread.onSpinWait();
    }
  }

  private static Outcome run(Trial trial, RunLimits limits, Progress progress) {
    try (Backend backend = Backends.open("cpu", 1)) {
      return new TrialRun(LIBRARY, backend).run(trial, limits, progress);
    }
  }

  static Trial trial(int steps, int evaluateEvery) {
    String file =
        """
        name: x
        model: builtin:mini
        tasks: [mini-sst2]
        train-limit: 100
        grid: [{method: lora}]
        training: {max-steps: %d, evaluate-every: %d, max-tokens: 32, batch: 8}
        """
            .formatted(steps, evaluateEvery);
    return SweepFile.read(
            "x.yaml",
            Map.of(),
            location -> Optional.ofNullable(location.equals("x.yaml") ? file : null))
        .expand(LIBRARY::modelHash, LIBRARY::taskHash)
        .get(0);
  }
}
