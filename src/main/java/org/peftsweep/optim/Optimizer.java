package org.peftsweep.optim;

/** Changes parameters along their gradients and remembers what it needs from step to step. */
public interface Optimizer extends AutoCloseable {
  /**
   * Updates every parameter that has a gradient.
   *
   * @param factor the schedule's, on every learning rate
   */
  void step(double factor);

  /** Returns the memory of its state, in bytes. */
  long stateBytes();

  @Override
  void close();
}
