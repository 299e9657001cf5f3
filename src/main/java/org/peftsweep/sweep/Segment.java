package org.peftsweep.sweep;

import java.io.Serializable;

/**
 * How far a trial is to go in one run, from wherever it is.
 *
 * @param rung on which it then stands; null for its end
 * @param until part of its steps, 1 for all
 */
public record Segment(Integer rung, double until) implements Serializable {
  /** To the trial's end. */
  public static final Segment WHOLE = new Segment(null, 1);
}
