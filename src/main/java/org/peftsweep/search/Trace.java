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
   * @param retention loss of the texts of retention; NaN where none was measured
   */
  public record Reading(int step, double score, double loss, double norm, double retention)
      implements Serializable {
    /** One of a trial that measures no retention. */
    public Reading(int step, double score, double loss, double norm) {
      this(step, score, loss, norm, Double.NaN);
    }
  }

  /** How far a trial is. */
  public enum State {
    /** It may go on. */
    OPEN,
    /** It came to its end. */
    FINISHED,
    /** It will give no more readings. */
    FAILED
  }

  /**
   * Returns how far the loss of the texts of retention stands above that of the first reading, at
   * the first of the best scores; NaN where that is not known.
   */
  public static double rise(List<Reading> readings) {
    Reading best = null;
    for (Reading reading : readings) {
      boolean isBetter =
          Double.isFinite(reading.score()) && (best == null || reading.score() > best.score());
      best = isBetter ? reading : best;
    }
    return best == null || readings.get(0).step() > 0
        ? Double.NaN
        : best.retention() - readings.get(0).retention();
  }

  /** A trial that has not begun. */
  public static Trace none(int steps) {
    return new Trace(List.of(), steps, State.OPEN);
  }

  public Trace {
    readings = List.copyOf(readings);
  }
}
