package org.peftsweep.train;

import java.time.Duration;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * The limits on which a trial runs; none of them changes its numbers.
 *
 * @param timeLimit wall clock of the whole trial, earlier attempts that it goes on from included,
 *     waiting for memory excluded; zero for none
 * @param memory that trials of this process share; null for as much as there is
 * @param checkpoints where its states are kept; null for nowhere
 * @param checkpointEvery wall clock between two states; zero for none but when it is stopped
 * @param isStopped asked between steps and between batches of an evaluation; from then on the trial
 *     keeps its state and ends by {@link StoppedException}
 * @param cacheBytes most memory for hidden states of frozen layers that trials of this process keep
 *     for each other; 0 for none
 * @param sink takes the trained tensors of a trial that finishes
 * @param until part of its steps after which a trial keeps its state at the next evaluation and
 *     ends as stopped; 1 for its end
 */
public record RunLimits(
    Duration timeLimit,
    MemoryBudget memory,
    CheckpointFolder checkpoints,
    Duration checkpointEvery,
    BooleanSupplier isStopped,
    long cacheBytes,
    TensorSink sink,
    double until) {
  /** No limits at all. */
  public static final RunLimits FREE =
      new RunLimits(Duration.ZERO, null, null, Duration.ZERO, () -> false, 0, TensorSink.NOTHING);

  /** The same to the trial's end. */
  public RunLimits(
      Duration timeLimit,
      MemoryBudget memory,
      CheckpointFolder checkpoints,
      Duration checkpointEvery,
      BooleanSupplier isStopped,
      long cacheBytes,
      TensorSink sink) {
    this(timeLimit, memory, checkpoints, checkpointEvery, isStopped, cacheBytes, sink, 1);
  }

  /** The same with nothing kept for other trials. */
  public RunLimits(
      Duration timeLimit,
      MemoryBudget memory,
      CheckpointFolder checkpoints,
      Duration checkpointEvery,
      BooleanSupplier isStopped,
      TensorSink sink) {
    this(timeLimit, memory, checkpoints, checkpointEvery, isStopped, 0, sink);
  }

  /** Returns the same limits with a sink. */
  public RunLimits with(TensorSink other) {
    return new RunLimits(
        timeLimit, memory, checkpoints, checkpointEvery, isStopped, cacheBytes, other, until);
  }

  /** Returns the same limits up to a part of a trial's steps. */
  public RunLimits until(double part) {
    return new RunLimits(
        timeLimit, memory, checkpoints, checkpointEvery, isStopped, cacheBytes, sink, part);
  }

  public RunLimits {
    Objects.requireNonNull(timeLimit, "timeLimit");
    Objects.requireNonNull(checkpointEvery, "checkpointEvery");
    Objects.requireNonNull(isStopped, "isStopped");
    Objects.requireNonNull(sink, "sink");
  }
}
