package org.peftsweep.train;

import java.util.ArrayList;
import java.util.List;
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

  /** Numbers of a step: its loss, and the norm of its gradient. */
  private static final int NUMBERS = 2;

  private final Backend backend;
  private final int most;
  private final Memory memory;
  private int pending;

  StepLosses(Backend backend) {
    this.backend = backend;
    this.most = Math.max(1, backend.stepsBetweenLooks());
    this.memory = backend.allocate(ElementType.F64.floats(NUMBERS + listed()));
  }

  private int listed() {
    return 1 + NUMBERS * most;
  }

  /** Returns where the loss of the step at hand adds up, 0 at first. */
  Tensor loss() {
    return numbers(0, 1);
  }

  /** Returns where the norm of its gradient belongs. */
  Tensor norm() {
    return numbers(1, 1);
  }

  private Tensor numbers(int from, int count) {
    return new Tensor(ElementType.F64, memory, from, count);
  }

  /** Puts the numbers of steps, each of another trial, behind those of the steps before. */
  static void append(Backend on, List<StepLosses> steps) {
    List<Tensor> numbers = new ArrayList<>();
    List<Tensor> lists = new ArrayList<>();
    for (StepLosses step : steps) {
      numbers.add(step.numbers(0, NUMBERS));
      lists.add(step.numbers(NUMBERS, step.listed()));
    }
    on.append(numbers.toArray(Tensor[]::new), lists.toArray(Tensor[]::new));
  }

  /** Ends a step whose numbers were appended; returns whether there is no room for another. */
  boolean end() {
    return ++pending == most;
  }

  /** Tells of all steps since the last look. */
  void look(Listener listener) {
    int count = pending;
    pending = 0;
    if (count > 0) {
      Tensor list = numbers(NUMBERS, listed());
      double[] numbers = backend.numbers(list);
      backend.fill(list, 0);
      for (int i = 0; i < count; i++) {
        int at = 1 + NUMBERS * i;
        listener.hear(numbers[at], numbers[at + 1], count - 1 - i);
      }
    }
  }

  @Override
  public void close() {
    backend.free(memory);
  }
}
