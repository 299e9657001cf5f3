package org.peftsweep.method.adapter;

import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/** {@code y = Wx + scale·B·A·x + b}. */
public record LowRankAdapter(LowRank update) implements Adapter {
  @Override
  public boolean addsToProduct() {
    return true;
  }

  @Override
  public Var apply(Tape tape, Linear base, Var x, Var product) {
    return base.addBias(tape, update.addTo(tape, x, product));
  }

  @Override
  public List<Parameter> parameters() {
    return update.parameters();
  }

  @Override
  public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
    update.addTo(backend, weight);
  }
}
