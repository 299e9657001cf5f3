package org.peftsweep.optim;

import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/**
 * What an update remembers from step to step: how many steps it took, and floats that are in the
 * backend's memory only while they are needed.
 *
 * <p>Nothing is allocated before first use. {@link #park} moves the values to ordinary memory of
 * the process; the next use brings them back, bit for bit.
 */
public final class OptimizerState {
  private final long floats;
  private Memory memory;
  private float[] parked;
  private int steps;

  /**
   * Describes state of that many floats, zero at first.
   *
   * @throws IllegalArgumentException if there are more than an array holds
   */
  public OptimizerState(long floats) {
    if (floats > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "Cannot remember " + floats + " floats for one parameter: it is too large");
    }
    this.floats = floats;
  }

  /** Returns the steps taken. */
  int steps() {
    return steps;
  }

  /** Counts a step and returns its number, from 1. */
  int advance() {
    return ++steps;
  }

  /** Returns a part of the state, allocated where it was not. */
  Tensor part(Backend backend, long offset, int... shape) {
    if (memory == null) {
      memory = backend.allocate(floats);
      if (parked != null) {
        backend.write(parked, 0, whole(), 0, parked.length);
        parked = null;
      }
    }
    return new Tensor(memory, offset, shape);
  }

  /** Frees the backend's memory and keeps the values. */
  void park(Backend backend) {
    if (memory != null) {
      parked = new float[(int) floats];
      backend.read(whole(), 0, parked, 0, parked.length);
      backend.free(memory);
      memory = null;
    }
  }

  /** Writes steps and values, wherever they are. */
  void save(Backend backend, StateWriter to) {
    to.number("steps", steps);
    if (memory != null) {
      to.tensor("values", whole(), backend);
    } else if (parked != null) {
      to.floats("values", parked);
    }
  }

  /** Takes up what {@link #save} wrote, before first use. */
  void restore(Backend backend, StateReader from) {
    steps = Math.toIntExact(from.wholeNumber("steps"));
    if (from.has("values")) {
      from.tensor("values", part(backend, 0, (int) floats), backend);
    }
  }

  /** Returns the backend's memory that it holds now, in bytes. */
  long bytes() {
    return memory == null ? 0 : Float.BYTES * memory.floats();
  }

  void free(Backend backend) {
    if (memory != null) {
      backend.free(memory);
      memory = null;
    }
    parked = null;
  }

  private Tensor whole() {
    return new Tensor(memory, 0, (int) floats);
  }
}
