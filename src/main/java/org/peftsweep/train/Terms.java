package org.peftsweep.train;

import java.time.Duration;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * The terms on which a trial runs; none of them changes its numbers.
 *
 * @param timeLimit wall clock of the whole trial, earlier attempts that it goes on from included,
 *     waiting for memory excluded; zero for none
 * @param memory that trials of this process share; null for as much as there is
 * @param checkpoints where its states are kept; null for nowhere
 * @param checkpointEvery wall clock between two states; zero for none but when it is stopped
 * @param isStopped asked between steps and between batches of an evaluation; from then on the trial
 *     keeps its state and ends by {@link StoppedException}
 */
public record Terms(
    Duration timeLimit,
    MemoryBudget memory,
    CheckpointFolder checkpoints,
    Duration checkpointEvery,
    BooleanSupplier isStopped) {
  /** No terms at all. */
  public static final Terms FREE =
      new Terms(Duration.ZERO, null, null, Duration.ZERO, () -> false);

  public Terms {
    Objects.requireNonNull(timeLimit, "timeLimit");
    Objects.requireNonNull(checkpointEvery, "checkpointEvery");
    Objects.requireNonNull(isStopped, "isStopped");
  }
}
