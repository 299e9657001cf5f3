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
 * @param wayBack makes what the gradient of y is multiplied by for that of x, in place of ΔW; null
 *     for the derivative itself
 */
public record DeltaAdapter(
    List<Parameter> parameters,
    List<Parameter> kept,
    BiFunction<Tape, Linear, Var> delta,
    BiFunction<Tape, Linear, Var> wayBack)
    implements Adapter {
  /** An adapter with its own derivative. */
  public DeltaAdapter(
      List<Parameter> parameters, List<Parameter> kept, BiFunction<Tape, Linear, Var> delta) {
    this(parameters, kept, delta, null);
  }

  /** An adapter all of whose parameters are kept. */
  public DeltaAdapter(List<Parameter> parameters, BiFunction<Tape, Linear, Var> delta) {
    this(parameters, parameters, delta);
  }

  @Override
  public boolean addsToProduct() {
    return true;
  }

  @Override
  public Var apply(Tape tape, Linear base, Var x, Var product) {
    Var change = delta.apply(tape, base);
    Var more = wayBack == null ? tape.linear(x, change, null) : with(tape, base, x, change);
    tape.done(change);
    Var y = tape.addScaled(product, 1, more);
    tape.done(more);
    return base.addBias(tape, y);
  }

  /** The product with ΔW, with another way back. */
  private Var with(Tape tape, Linear base, Var x, Var change) {
    Backend backend = tape.backend();
    Tensor in = x.value();
    Tensor back = wayBack.apply(tape, base).value();
    if (tape.isGraph()) {
      return withHeld(tape, x, change, back);
    }
    Tensor y = tape.arena().take(in.rows(), base.out());
    backend.gemm(false, true, 1, in, change.value(), 0, y);
    Var more =
        tape.operation(
            y,
            dy -> {
              tape.give(x, dx -> backend.gemm(false, false, 1, dy, back, 0, dx));
              tape.give(change, dw -> backend.gemm(true, false, 1, dy, in, 0, dw));
            },
            List.of(in, back),
            x,
            change);
    tape.done(back);
    return more;
  }

  /** The product of an x that nothing learns through, and of zeros that have its derivative. */
  private static Var withHeld(Tape tape, Var x, Var change, Tensor back) {
    Tensor copy = tape.arena().take(x.value().shape());
    tape.backend().copy(x.value(), copy);
    Var held = tape.constant(copy);
    Var zeros = tape.addScaled(tape.scale(x, 1), -1, held);
    Var nothing = tape.linear(zeros, tape.constant(back), null);
    return tape.addScaled(tape.linear(held, change, null), 1, nothing);
  }

  @Override
  public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
    try (Tape tape = new Tape(backend)) {
      tape.startEvaluation();
      backend.addScaled(1, delta.apply(tape, base).value(), weight);
    }
  }
}
