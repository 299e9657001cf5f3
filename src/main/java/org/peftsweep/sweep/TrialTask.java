package org.peftsweep.sweep;

import java.io.Serializable;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Progress;

/**
 * Trains one trial: the seam between the scheduler, which knows Spark, and the trainer, which does
 * not.
 *
 * <p>Travels to the executors by Java serialization, so it holds settings only; what is costly to
 * load it keeps in static memory of the executor's JVM. Several threads of an executor call it at
 * once, one a slot.
 */
@FunctionalInterface
public interface TrialTask extends Serializable {
  /**
   * Trains the trial on the slot and tells how it went.
   *
   * <p>Whatever is thrown becomes a row: {@link OutOfMemoryError} with status oom, {@link
   * IllegalArgumentException} with invalid, all else with failed.
   */
  Outcome run(Trial trial, Slot slot, Progress progress) throws Exception;

  /** How many threads a trial computes with, for its row; null where that is not known. */
  default Integer threads() {
    return null;
  }
}
