package org.peftsweep.optim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Tensor;

/**
 * AdamW steps of several parameters, made in one call of the kernel; their numbers lie in one block
 * of the backend's memory, written once.
 */
final class AdamSteps implements AutoCloseable {
  private final Backend backend;
  private final List<Moments> parameters = new ArrayList<>();
  private float[] numbers = {};
  private Memory memory;

  AdamSteps(Backend backend) {
    this.backend = backend;
  }

  /** Puts a parameter's step on the list. */
  void add(Moments parameter, AdamStep step) {
    int at = AdamStep.LENGTH * parameters.size();
    if (numbers.length < at + AdamStep.LENGTH) {
      numbers = Arrays.copyOf(numbers, Math.max(at + AdamStep.LENGTH, 2 * at));
    }
    step.write(numbers, at);
    parameters.add(parameter);
  }

  /** Makes the steps on the list, and empties it. */
  void run() {
    if (parameters.isEmpty()) {
      return;
    }
    int count = AdamStep.LENGTH * parameters.size();
    if (memory == null || memory.floats() < count) {
      close();
      memory = backend.allocate(count);
    }
    Tensor steps = new Tensor(ElementType.F32, memory, 0, parameters.size(), AdamStep.LENGTH);
    backend.write(numbers, 0, steps, 0, count);
    backend.adamW(List.copyOf(parameters), steps);
    parameters.clear();
  }

  /** Makes a step at once, after those on the list. */
  void run(Moments parameter, AdamStep step) {
    add(parameter, step);
    run();
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
