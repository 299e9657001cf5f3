package org.peftsweep.dl4j;

import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * The rate of an updater, so many times.
 *
 * @param updater whose rate it is, by whatever schedule
 */
record ScaledRate(IUpdater updater, double factor) implements ISchedule {
  /** Returns an updater that learns so many times as fast as another. */
  static IUpdater of(IUpdater updater, double factor) {
    if (factor == 1 || !updater.hasLearningRate()) {
      return updater;
    }
    IUpdater scaled = updater.clone();
    scaled.setLrAndSchedule(Double.NaN, new ScaledRate(updater, factor));
    return scaled;
  }

  @Override
  public double valueAt(int iteration, int epoch) {
    return factor * updater.getLearningRate(iteration, epoch);
  }

  @Override
  public ISchedule clone() {
    return this;
  }
}
