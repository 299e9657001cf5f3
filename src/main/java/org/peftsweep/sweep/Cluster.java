package org.peftsweep.sweep;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;

/**
 * Where trials run: the seam between {@link Scheduler}, which is plain Java, and Spark. Used by one
 * thread.
 */
interface Cluster {
  /** Returns how many packs can run at once for now, at least 1. */
  int slots();

  /**
   * Starts the trials of a pack and returns at once; keeps off the given hosts while there are
   * others.
   */
  void start(List<PlannedTrial> pack, Set<String> avoided);

  /**
   * Waits for a started trial to come back.
   *
   * @return null if none did in that time
   * @throws IllegalStateException if no trial can run here, now or later
   */
  Answer await(Duration longest) throws InterruptedException;

  /**
   * Interrupts all that runs and waits until it has come to its end; {@link #await} still tells of
   * each.
   *
   * @return whether all did in that time
   */
  boolean cancel(Duration longest) throws InterruptedException;

  /** Returns the time by which the cluster goes. */
  Instant now();

  /** What became of a start. */
  sealed interface Answer {
    PlannedTrial trial();
  }

  /** The trial's row is there. */
  record Ended(PlannedTrial trial, Ending ending) implements Answer {}

  /**
   * The trial left no row, for a reason that lies with machines.
   *
   * @param host where it ran, null where that is not known
   */
  record Lost(PlannedTrial trial, String host, Exception fault) implements Answer {}
}
