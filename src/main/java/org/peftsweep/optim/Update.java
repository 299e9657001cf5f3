package org.peftsweep.optim;

import java.util.List;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.model.Parameter;

/**
 * How one parameter moves along its gradient, and what it remembers for that. Rates, schedule,
 * decay and clipping are those of the trial.
 */
public interface Update {
  /** Learns of all parameters that train; called once, before anything else. */
  default void meet(List<Parameter> all) {}

  /** Reads what it needs of other parameters, before any of them moves in a step. */
  default void prepare(Backend backend) {}

  /** Changes a fresh gradient before clipping sees it, or clears it. */
  default void receive(Backend backend, Scratch scratch) {}

  /**
   * Adds to what all updates measure together, before any of them moves; called where the optimizer
   * has a {@link Distance} and the parameter a gradient.
   *
   * @param scale rate of the parameter over that of others
   */
  default void measure(Backend backend, double scale, Distance together) {}

  /**
   * Puts what is to be evaluated and kept in the parameter's place, where that is another value.
   */
  default void showAverage(Backend backend) {}

  /** Takes {@link #showAverage} back, bit for bit. */
  default void hideAverage(Backend backend) {}

  /** Whether the last weights are evaluated too, beside the average. */
  default boolean comparesAverage() {
    return false;
  }

  /**
   * Moves the parameter, which has a gradient, now or with {@link Scratch#adamSteps}, which run
   * once all updates had their turn. The gradient's memory may be overwritten.
   *
   * @param rate learning rate of this step, schedule included
   * @param decay decoupled weight decay, 0 where none acts on the parameter
   */
  void step(Backend backend, double rate, double decay, Scratch scratch);

  /** Returns what it remembers. */
  OptimizerState state();

  /** Frees the backend's memory of what it remembers and keeps the values. */
  default void park(Backend backend) {
    state().park(backend);
  }

  /** Forgets all. */
  default void free(Backend backend) {
    state().free(backend);
  }

  /** Writes all that it remembers. */
  default void save(Backend backend, StateWriter to) {
    state().save(backend, to);
  }

  /** Takes up what {@link #save} wrote, before the first step. */
  default void restore(Backend backend, StateReader from) {
    state().restore(backend, from);
  }

  /** Returns the memory of all that it remembers now, in bytes. */
  default long stateBytes() {
    return state().bytes();
  }
}
