package org.peftsweep.sweep;

/** Hears on the driver how a sweep goes on; called by one thread at a time. */
public interface SweepListener {
  /** The sweep begins, with so many trials at once at most for now. */
  default void started(Plan plan, int slots) {}

  /** A trial was handed to Spark. */
  default void submitted(PlannedTrial trial) {}

  /** A trial's row is there. */
  default void ended(PlannedTrial trial, Ending ending) {}

  /** A trial's job was lost; it is tried once more. */
  default void lost(PlannedTrial trial, String reason) {}

  /** Nothing is left to do. */
  default void ended() {}
}
