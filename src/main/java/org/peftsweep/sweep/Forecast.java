package org.peftsweep.sweep;

import org.peftsweep.spec.Trial;

/** Tells before a trial runs how big it is; the scheduler's order and the dry run go by it. */
@FunctionalInterface
public interface Forecast {
  /** Returns the size of a trial, without reading weights. */
  Size of(Trial trial);

  /** Returns how long a process is slower at first in all, until its code is compiled. */
  default double warmUpSeconds() {
    return 0;
  }

  /**
   * How big a trial is.
   *
   * @param trainableParameters scalars that learn, head excluded
   * @param headParameters scalars of the head
   * @param steps optimizer steps
   * @param seconds wall clock on one slot of the machine that the forecast was made for; only the
   *     ratio of two trials needs to be right
   * @param base what a trial must have in common with others to train in one pack with them; null
   *     where it trains alone
   */
  record Size(
      long trainableParameters, long headParameters, int steps, double seconds, Object base) {
    /** The size of a trial that trains alone. */
    public Size(long trainableParameters, long headParameters, int steps, double seconds) {
      this(trainableParameters, headParameters, steps, seconds, null);
    }
  }
}
