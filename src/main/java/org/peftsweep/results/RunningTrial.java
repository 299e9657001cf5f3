package org.peftsweep.results;

import java.time.Instant;

/**
 * How far a trial is that has no row yet.
 *
 * @param step optimizer steps so far, of {@code steps}
 * @param loss of that step; null before the first
 * @param score of the last evaluation, on the validation part where there is one; null before
 * @param at when this was so
 */
public record RunningTrial(
    String id, String title, int step, int steps, Double loss, Double score, Instant at) {

  /** Returns a trial that has not said how far it is. */
  public static RunningTrial starts(String id, String title) {
    return new RunningTrial(id, title, 0, 0, null, null, Instant.now());
  }
}
