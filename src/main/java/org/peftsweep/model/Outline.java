package org.peftsweep.model;

import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/** Tensors with shapes and no memory behind them. */
final class Outline implements Weights {
  private static final Memory NOTHING = () -> Long.MAX_VALUE;

  @Override
  public Tensor base(String name, Fresh fresh, int... shape) {
    return new Tensor(NOTHING, 0, shape);
  }

  @Override
  public Tensor head(String name, Fresh fresh, int... shape) {
    return base(name, fresh, shape);
  }
}
