package org.peftsweep.model;

import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;

/** Tensors with shapes and no memory behind them. */
final class Outline implements Weights {
  private static final Memory NOTHING = () -> Long.MAX_VALUE;

  @Override
  public Weight base(String name, Fresh fresh, int... shape) {
    return new DenseWeight(head(name, fresh, shape));
  }

  @Override
  public Tensor head(String name, Fresh fresh, int... shape) {
    return new Tensor(NOTHING, 0, shape);
  }
}
