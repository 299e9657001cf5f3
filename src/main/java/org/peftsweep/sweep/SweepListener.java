package org.peftsweep.sweep;

/** Hears on the driver how a sweep goes on; called by one thread at a time. */
public interface SweepListener {
  /** The sweep begins, with so many trials at once at most for now. */
  default void started(Plan plan, int slots) {}

  /** A trial was handed to the cluster. */
  default void submitted(PlannedTrial trial) {}

  /** A trial's row is there. */
  default void ended(PlannedTrial trial, Ending ending) {}

  /** A trial was lost with its machine; it is tried again. */
  default void lost(PlannedTrial trial, String reason) {}

  /** The sweep ends early; so many running trials are interrupted. */
  default void stopping(String reason, int running) {}

  /** Nothing is left to do. */
  default void ended() {}
}
