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
 * @param keeper takes the trained tensors of a trial that finishes
 */
public record Terms(
    Duration timeLimit,
    MemoryBudget memory,
    CheckpointFolder checkpoints,
    Duration checkpointEvery,
    BooleanSupplier isStopped,
    Keeper keeper) {
  /** No terms at all. */
  public static final Terms FREE =
      new Terms(Duration.ZERO, null, null, Duration.ZERO, () -> false, Keeper.NOTHING);

  /** Returns the same terms with a keeper. */
  public Terms with(Keeper other) {
    return new Terms(timeLimit, memory, checkpoints, checkpointEvery, isStopped, other);
  }

  public Terms {
    Objects.requireNonNull(timeLimit, "timeLimit");
    Objects.requireNonNull(checkpointEvery, "checkpointEvery");
    Objects.requireNonNull(isStopped, "isStopped");
    Objects.requireNonNull(keeper, "keeper");
  }
}
