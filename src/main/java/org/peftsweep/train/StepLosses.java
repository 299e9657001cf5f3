package org.peftsweep.train;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/**
 * Losses and norms of gradients of the steps since somebody last looked, where the backend computes
 * them: to look at each at once would make a device wait.
 */
final class StepLosses implements AutoCloseable {
  /** Hears of a step that was looked at. */
  interface Listener {
    /**
     * Hears of the steps in order.
     *
     * @param back how many steps came after it
     */
    void hear(double loss, double norm, int back);
  }

  private final Backend backend;
  private final int most;
  private final Memory memory;
  private int pending;

  StepLosses(Backend backend) {
    this.backend = backend;
    this.most = Math.max(1, backend.stepsBetweenLooks());
    this.memory = backend.allocate(ElementType.F64.floats(2L * most));
  }

  /** Makes room for a step. */
  void begin() {
    backend.fill(loss(), 0);
  }

  /** Returns where the step's loss adds up. */
  Tensor loss() {
    return number(pending);
  }

  /** Returns where the norm of the step's gradient belongs. */
  Tensor norm() {
    return number(most + pending);
  }

  private Tensor number(int index) {
    return new Tensor(ElementType.F64, memory, index, 1);
  }

  /** Ends a step; returns whether there is no room for another before a look. */
  boolean end() {
    return ++pending == most;
  }

  /** Tells of all steps since the last look. */
  void look(Listener listener) {
    int count = pending;
    pending = 0;
    if (count > 0) {
      double[] numbers = backend.numbers(new Tensor(ElementType.F64, memory, 0, 2 * most));
      for (int i = 0; i < count; i++) {
        listener.hear(numbers[i], numbers[most + i], count - 1 - i);
      }
    }
  }

  @Override
  public void close() {
    backend.free(memory);
  }
}
