package org.peftsweep.results;

import java.time.Instant;
import java.util.Locale;

/**
 * Something the scheduler did. What does not apply is null.
 *
 * @param run start of the driver run, which tells runs of a sweep apart
 * @param id of the trial
 * @param detail one sentence or number that the kind calls for
 */
public record Event(
    String sweep, Instant run, Instant at, Kind kind, String id, Integer attempt, String detail) {
  /** What can happen. */
  public enum Kind {
    /** A driver run began; the detail tells trials, done and pending ones. */
    SWEEP_STARTED,
    /** A trial was done before this run, or when its turn came. */
    SKIPPED,
    /** A trial was handed to Spark. */
    SUBMITTED,
    /** A trial's row is there; the detail is its status. */
    ENDED,
    /** An early-stopping rule decided on a trial; the detail says what and why. */
    DECIDED,
    /** A trial's Spark job was lost with its executor or by an I/O fault. */
    LOST,
    /** A running trial was interrupted; the detail says why. It goes on in a later run. */
    STOPPED,
    /** The driver run is over. */
    SWEEP_ENDED;

    /** Returns the word in the table. */
    String id() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }
}
