package org.peftsweep.method.adapter;

import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;

/**
 * {@code y = s ⊙ (W·R(x)) + b}: what learns turns the input of a frozen weight, rows of x by a
 * linear map that keeps lengths, and may scale its outputs.
 *
 * @param parameters all, trained or not
 * @param kept those that a trained model is restored from
 * @param rotation the map
 * @param scale s {@code [out]} or {@code [out, 1]}, null for ones
 */
public record RotationAdapter(
    List<Parameter> parameters, List<Parameter> kept, Rotation rotation, Parameter scale)
    implements Adapter {
  /** A map of rows. */
  @FunctionalInterface
  public interface Rotation {
    /** Returns x {@code [n, in]} with every row turned. */
    Var of(Tape tape, Var x);
  }

  @Override
  public boolean usesProduct() {
    return false;
  }

  @Override
  public Var apply(Tape tape, Linear base, Var x, Var product) {
    Var turned = rotation.of(tape, x);
    Var y = tape.linear(turned, base.weight().var(), null);
    tape.done(turned);
    if (scale == null) {
      return base.addBias(tape, y);
    }
    Var scaled = tape.multiplyRow(y, scale.var());
    tape.done(y);
    return base.addBias(tape, scaled);
  }

  /** Rows of W are turned the other way. */
  @Override
  public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
    int in = base.in();
    try (Tape tape = new Tape(backend)) {
      tape.startEvaluation();
      Tensor identity = tape.arena().take(in, in);
      float[] ones = new float[in * in];
      for (int i = 0; i < in; i++) {
        ones[i * in + i] = 1;
      }
      backend.write(ones, 0, identity, 0, ones.length);
      Tensor turned = rotation.of(tape, Var.constant(identity)).value();
      Tensor copy = tape.arena().take(base.out(), in);
      backend.copy(weight, copy);
      backend.gemm(false, true, 1, copy, turned, 0, weight);
    }
    if (scale != null) {
      backend.multiplyColumn(weight, scale.value(), weight);
    }
  }
}
