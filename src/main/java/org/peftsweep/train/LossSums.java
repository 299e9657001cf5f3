package org.peftsweep.train;

import java.util.ArrayList;
import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;

/** Losses of one pass, each to be added to the sum of its step. */
final class LossSums {
  private final List<Double> weights = new ArrayList<>();
  private final List<Tensor> losses = new ArrayList<>();
  private final List<Tensor> sums = new ArrayList<>();

  /** Puts a loss on the list, of which so much counts. */
  void add(double weight, Tensor loss, Tensor sum) {
    weights.add(weight);
    losses.add(loss);
    sums.add(sum);
  }

  /** Adds all up by one kernel. */
  void run(Backend on) {
    if (!losses.isEmpty()) {
      on.addNumbers(
          weights.stream().mapToDouble(Double::doubleValue).toArray(),
          losses.toArray(Tensor[]::new),
          sums.toArray(Tensor[]::new));
    }
  }
}
