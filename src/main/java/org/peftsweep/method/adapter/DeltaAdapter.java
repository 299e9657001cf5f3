package org.peftsweep.method.adapter;

import java.util.List;
import java.util.function.BiFunction;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/**
 * {@code y = Wx + ΔW·x + b} with a ΔW {@code [out, in]} that is made anew in each pass from what
 * learns. LoRA's is the product of two factors, which need not be multiplied; other methods make
 * theirs element by element, and their memory is that of ΔW.
 *
 * @param parameters all, trained or not
 * @param kept those that a trained model is restored from
 * @param delta makes ΔW
 */
public record DeltaAdapter(
    List<Parameter> parameters, List<Parameter> kept, BiFunction<Tape, Linear, Var> delta)
    implements Adapter {
  /** An adapter all of whose parameters are kept. */
  public DeltaAdapter(List<Parameter> parameters, BiFunction<Tape, Linear, Var> delta) {
    this(parameters, parameters, delta);
  }

  @Override
  public Var apply(Tape tape, Linear base, Var x, Var product) {
    Var change = delta.apply(tape, base);
    Var more = tape.linear(x, change, null);
    tape.done(change);
    Var y = tape.addScaled(product, 1, more);
    tape.done(more);
    return base.addBias(tape, y);
  }

  @Override
  public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
    try (Tape tape = new Tape(backend)) {
      tape.startEvaluation();
      backend.addScaled(1, delta.apply(tape, base).value(), weight);
    }
  }
}
