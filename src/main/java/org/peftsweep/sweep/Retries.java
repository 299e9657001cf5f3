package org.peftsweep.sweep;

import java.time.Duration;

/**
 * How often a trial that was lost is tried, and how long to wait before.
 *
 * @param tries starts of a trial in one run of the driver, at least 1
 * @param first wait before the second start; doubles with each further one
 * @param longest that a wait may become
 */
record Retries(int tries, Duration first, Duration longest) {
  static final Retries STANDARD = new Retries(5, Duration.ofSeconds(1), Duration.ofSeconds(30));

  Retries {
    if (tries < 1) {
      throw new IllegalArgumentException("Cannot use tries = " + tries + ": give at least 1");
    }
  }

  /** Returns how long to wait after so many starts. */
  Duration after(int started) {
    Duration wait = first.multipliedBy(1L << Math.min(started - 1, 20));
    return wait.compareTo(longest) < 0 ? wait : longest;
  }
}
