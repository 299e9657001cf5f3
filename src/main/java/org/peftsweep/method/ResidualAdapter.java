package org.peftsweep.method;

import java.util.List;
import java.util.stream.Stream;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/**
 * {@code y = Wx + scale·(B·A − B₀·A₀)·x + b}: trains a low-rank part of the weight itself while the
 * weight that trials share stays as it is. Equal to training B and A over the residual {@code W −
 * scale·B₀·A₀}; dropout acts on the input of A only.
 *
 * @param start A₀ and B₀, frozen
 */
record ResidualAdapter(LowRank update, LowRank start) implements Adapter {
  /** Makes an adapter that begins at a start, and so changes nothing yet. */
  static ResidualAdapter of(
      Attachment to, Linear linear, LowRankStart from, float scale, float dropout) {
    Backend backend = to.backend();
    int rank = from.rank();
    LowRank update = LowRank.zeros(backend, linear, ".weight", rank, scale, dropout);
    LowRank start = LowRank.zeros(backend, linear, "_start.weight", rank, -scale, 0);
    for (LowRank pair : List.of(update, start)) {
      backend.write(from.a(), 0, pair.a().value(), 0, from.a().length);
      backend.write(from.b(), 0, pair.b().value(), 0, from.b().length);
    }
    update.a().train(backend);
    update.b().train(backend);
    return new ResidualAdapter(update, start);
  }

  @Override
  public Var apply(Tape tape, Linear base, Var x, Var product) {
    return base.addBias(tape, update.addTo(tape, x, start.addTo(tape, x, product)));
  }

  @Override
  public List<Parameter> parameters() {
    return Stream.concat(update.parameters().stream(), start.parameters().stream()).toList();
  }

  @Override
  public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
    start.addTo(backend, weight);
    update.addTo(backend, weight);
  }
}
