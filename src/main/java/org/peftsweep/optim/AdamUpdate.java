package org.peftsweep.optim;

import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Moments;

/** An update that is AdamW's kernel and nothing else, so that the host need not see a gradient. */
interface AdamUpdate extends Update {
  /** Returns what the kernel reads and writes, allocated where it was not. */
  Moments moments(Backend backend);

  /**
   * Returns the scalars of the next step, which {@link OptimizerState#advance} counts.
   *
   * @param rate learning rate of that step, schedule included
   * @param decay decoupled weight decay
   */
  AdamStep next(double rate, double decay);

  @Override
  default void step(Backend backend, double rate, double decay, Scratch scratch) {
    scratch.adamSteps().add(moments(backend), next(rate, decay));
    state().advance();
  }
}
