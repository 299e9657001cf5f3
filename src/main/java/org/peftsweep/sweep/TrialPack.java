package org.peftsweep.sweep;

import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Progress;

/** Trials that run together on one slot, each a lane with a thread of its own. */
@FunctionalInterface
public interface TrialPack extends AutoCloseable {
  /**
   * Trains the trial of a lane and tells how it went, as {@link TrialTask#run} does; called once a
   * lane, for all of them at once.
   */
  Outcome run(int lane, Trial trial, Slot slot, Progress progress) throws Exception;

  @Override
  default void close() {}
}
