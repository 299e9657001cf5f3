package org.peftsweep.sweep;

import org.peftsweep.spec.Trial;

/**
 * A trial that has to run.
 *
 * @param title within its sweep
 * @param attempt counted from 1
 * @param seconds estimated wall clock on one slot
 * @param segment how far it is to go
 */
public record PlannedTrial(
    Trial trial, String id, String title, int attempt, double seconds, Segment segment) {
  /** A trial that runs to its end. */
  public PlannedTrial(Trial trial, String id, String title, int attempt, double seconds) {
    this(trial, id, title, attempt, seconds, Segment.WHOLE);
  }
}
