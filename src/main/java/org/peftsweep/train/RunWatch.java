package org.peftsweep.train;

import java.io.UncheckedIOException;
import java.util.function.Consumer;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Watches over one running trial by its limits: clock, stop signal, checkpoints. */
final class RunWatch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunWatch.class);

  private final RunLimits limits;
  private final Deadline deadline;
  private long kept = System.nanoTime();

  RunWatch(RunLimits limits) {
    this.limits = limits;
    this.deadline = new Deadline(limits.timeLimit());
  }

  Deadline deadline() {
    return deadline;
  }

  /** Whether a trial that was evaluated at this step is to go no further for now. */
  boolean isOnRung(int step, int steps) {
    return limits.until() < 1 && step < steps && step >= Math.ceil(limits.until() * steps - 1e-9);
  }

  boolean isStopped() {
    return limits.isStopped().getAsBoolean();
  }

  boolean isCheckpointDue() {
    return limits.checkpoints() != null
        && !limits.checkpointEvery().isZero()
        && System.nanoTime() - kept >= limits.checkpointEvery().toNanos();
  }

  /** Keeps a state where the limits have a place for it; a trial goes on where that fails. */
  void keep(int step, StateWriter state) {
    if (limits.checkpoints() == null) {
      return;
    }
    // File channels do not write in an interrupted thread, as which a stopped trial may come here.
    boolean wasInterrupted = Thread.interrupted();
    try {
      limits.checkpoints().keep(step, state);
    } catch (UncheckedIOException e) {
      LOG.warn("step={} not kept: {}", step, e.getMessage());
    } finally {
      kept = System.nanoTime();
      if (wasInterrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Shows the newest state, if there is one. */
  void restore(Consumer<StateReader> receiver) {
    if (limits.checkpoints() != null) {
      limits.checkpoints().restore(receiver);
    }
  }

  @Override
  public void close() {
    deadline.close();
  }
}
