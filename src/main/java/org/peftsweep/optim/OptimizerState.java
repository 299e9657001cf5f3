package org.peftsweep.optim;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/**
 * The floats that an update remembers from step to step, in the backend's memory only while they
 * are needed.
 *
 * <p>Nothing is allocated before first use. {@link #park} moves the values to ordinary memory of
 * the process; the next use brings them back, bit for bit.
 */
public final class OptimizerState {
  private final long floats;
  private Memory memory;
  private float[] parked;

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
