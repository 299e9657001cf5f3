package org.peftsweep.optim;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/** Memory that one update after the other works in; it grows to the largest request and stays. */
public final class Scratch implements AutoCloseable {
  private final Backend backend;
  private final AdamSteps adamSteps;
  private Memory memory;
  private Memory places;

  Scratch(Backend backend) {
    this.backend = backend;
    this.adamSteps = new AdamSteps(backend);
  }

  /** Returns where AdamW steps come together that may wait for one another. */
  AdamSteps adamSteps() {
    return adamSteps;
  }

  /** Returns a tensor of any content, valid until the next call. */
  Tensor take(int... shape) {
    long floats = 1;
    for (int extent : shape) {
      floats *= extent;
    }
    memory = grown(memory, floats);
    return new Tensor(memory, 0, shape);
  }

  /** Returns whole numbers where kernels read them, valid until the next call. */
  Tensor ints(int... values) {
    places = grown(places, values.length);
    Tensor ints = new Tensor(ElementType.I32, places, 0, values.length);
    backend.write(values, ints);
    return ints;
  }

  private Memory grown(Memory old, long floats) {
    if (old != null && old.floats() >= floats) {
      return old;
    }
    free(old);
    return backend.allocate(floats);
  }

  long bytes() {
    return adamSteps.bytes() + bytes(memory) + bytes(places);
  }

  private static long bytes(Memory memory) {
    return memory == null ? 0 : Float.BYTES * memory.floats();
  }

  @Override
  public void close() {
    adamSteps.close();
    free(memory);
    free(places);
    memory = null;
    places = null;
  }

  private void free(Memory old) {
    if (old != null) {
      backend.free(old);
    }
  }
}
