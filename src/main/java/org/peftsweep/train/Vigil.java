package org.peftsweep.train;

import java.io.UncheckedIOException;
import java.util.function.Consumer;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Watches over one running trial by its terms: clock, stop signal, checkpoints. */
final class Vigil implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Vigil.class);

  private final Terms terms;
  private final Deadline deadline;
  private long kept = System.nanoTime();

  Vigil(Terms terms) {
    this.terms = terms;
    this.deadline = new Deadline(terms.timeLimit());
  }

  Deadline deadline() {
    return deadline;
  }

  boolean isStopped() {
    return terms.isStopped().getAsBoolean();
  }

  boolean isCheckpointDue() {
    return terms.checkpoints() != null
        && !terms.checkpointEvery().isZero()
        && System.nanoTime() - kept >= terms.checkpointEvery().toNanos();
  }

  /** Keeps a state where the terms have a place for it; a trial goes on where that fails. */
  void keep(int step, StateWriter state) {
    if (terms.checkpoints() == null) {
      return;
    }
    // File channels do not write in an interrupted thread, as which a stopped trial may come here.
    boolean wasInterrupted = Thread.interrupted();
    try {
      terms.checkpoints().keep(step, state);
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
    if (terms.checkpoints() != null) {
      terms.checkpoints().restore(receiver);
    }
  }

  @Override
  public void close() {
    deadline.close();
  }
}
