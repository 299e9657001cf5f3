package org.peftsweep.results;

import java.time.Duration;
import java.time.Instant;

/**
 * How far a driver run is.
 *
 * @param asked trials of the sweep
 * @param before trials that were done before this run
 * @param ended trials of this run that have a row
 * @param slots trials at once
 * @param secondsDone forecast of the work that is done, on one slot: of trials that ended and, once
 *     one was evaluated, of the steps done of those that run
 * @param secondsLeft the same of all other work
 */
public record RunningSweep(
    int asked,
    int before,
    int ended,
    int slots,
    Instant started,
    double secondsDone,
    double secondsLeft,
    Instant at) {

  /** Returns the wall clock so far, in seconds. */
  public double elapsed() {
    return Duration.between(started, at).toMillis() / 1e3;
  }

  /**
   * Returns the wall clock that is left, in seconds. Forecasts are wrong by a factor that shows as
   * soon as some work is done.
   */
  public double left() {
    return secondsDone <= 0 ? secondsLeft / slots : secondsLeft * elapsed() / secondsDone;
  }
}
