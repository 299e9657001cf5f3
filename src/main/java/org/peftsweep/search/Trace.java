package org.peftsweep.search;

import java.io.Serializable;
import java.util.List;

/**
 * What is known of one trial.
 *
 * @param readings its evaluations so far, by step
 * @param steps that it takes in all
 */
public record Trace(List<Reading> readings, int steps, State state) {
  /**
   * One evaluation.
   *
   * @param score on the validation part; NaN where it is undefined
   * @param loss mean training loss since the evaluation before; NaN at step 0
   * @param norm mean norm of the gradient over the same steps; NaN at step 0
   */
  public record Reading(int step, double score, double loss, double norm) implements Serializable {}

  /** How far a trial is. */
  public enum State {
    /** It may go on. */
    OPEN,
    /** It came to its end. */
    FINISHED,
    /** It will give no more readings. */
    FAILED
  }

  /** A trial that has not begun. */
  public static Trace none(int steps) {
    return new Trace(List.of(), steps, State.OPEN);
  }

  public Trace {
    readings = List.copyOf(readings);
  }
}
