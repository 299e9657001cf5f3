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

  /**
   * Opens a pack: trials that the slot runs at once, each in a thread of its own.
   *
   * @param name of the pack, for rows
   */
  default TrialPack pack(String name, int lanes, Slot slot) {
    return (lane, trial, own, progress) -> run(trial, own, progress);
  }

  /** How many threads a trial computes with, for its row; null where that is not known. */
  default Integer threads() {
    return null;
  }
}
