package org.peftsweep.method.adapter;

import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/** {@code y = Wx + scale·B·diag(E)·A·x + b}: the adapter of AdaLoRA on one projection. */
public record TripletAdapter(
    String name, Parameter a, Parameter e, Parameter b, float scale, float dropout)
    implements Adapter {
  @Override
  public boolean addsToProduct() {
    return true;
  }

  @Override
  public Var apply(Tape tape, Linear base, Var x, Var product) {
    Var weighted = tape.multiplyColumn(a.var(), e.var());
    Var y = tape.lowRank(product, x, dropout, weighted, b.var(), scale);
    tape.done(weighted);
    return base.addBias(tape, y);
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(a, e, b);
  }

  @Override
  public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
    Tensor weighted = new Tensor(backend.allocate(a.size()), 0, a.value().shape());
    backend.multiplyColumn(a.value(), e.value(), weighted);
    backend.gemm(false, false, scale, b.value(), weighted, 1, weight);
    backend.free(weighted.memory());
  }
}
