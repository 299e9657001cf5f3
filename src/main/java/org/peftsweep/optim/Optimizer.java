package org.peftsweep.optim;

import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;

/** Changes parameters along their gradients and remembers what it needs from step to step. */
public interface Optimizer extends AutoCloseable {
  /** Frees the backend's memory of what it remembers of parameters that rest; they may wake. */
  void rest();

  /** Lets updates change fresh gradients before they are clipped. */
  void receive();

  /**
   * Updates every parameter that has a gradient.
   *
   * @param factor the schedule's, on every learning rate
   */
  void step(double factor);

  /** Returns the backend's memory of its state as it is now, in bytes. */
  long stateBytes();

  /** Returns the memory that it works in and remembers nothing in, in bytes. */
  long scratchBytes();

  /** Writes all that it remembers, by parameter. */
  void save(StateWriter to);

  /** Takes up what {@link #save} wrote, before the first step. */
  void restore(StateReader from);

  @Override
  void close();
}
