package org.peftsweep.optim;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/** Memory that one update after the other works in; it grows to the largest request and stays. */
public final class Scratch implements AutoCloseable {
  private final Backend backend;
  private Memory memory;

  Scratch(Backend backend) {
    this.backend = backend;
  }

  /** Returns a tensor of any content, valid until the next call. */
  Tensor take(int... shape) {
    long floats = 1;
    for (int extent : shape) {
      floats *= extent;
    }
    if (memory == null || memory.floats() < floats) {
      close();
      memory = backend.allocate(floats);
    }
    return new Tensor(memory, 0, shape);
  }

  long bytes() {
    return memory == null ? 0 : Float.BYTES * memory.floats();
  }

  @Override
  public void close() {
    if (memory != null) {
      backend.free(memory);
      memory = null;
    }
  }
}
