package org.peftsweep.method.adapter;

import java.util.List;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.model.Parameter;

/** A linear map with a bias inside of an adapter, however its matrix is made. */
public interface Affine {
  /** {@code x [n, in]} to {@code [n, out]}; x keeps its values. */
  Var of(Tape tape, Var x);

  /** Returns all its tensors. */
  List<Parameter> parameters();

  /** Returns those that a trained model is restored from. */
  default List<Parameter> kept() {
    return parameters();
  }

  /**
   * The plain one: {@code x·Wᵀ + b}.
   *
   * @param weight {@code [out, in]}
   * @param bias {@code [out]}
   */
  record Dense(Parameter weight, Parameter bias) implements Affine {
    @Override
    public Var of(Tape tape, Var x) {
      return tape.linear(x, weight.var(), bias.var());
    }

    @Override
    public List<Parameter> parameters() {
      return List.of(weight, bias);
    }
  }

  /**
   * The same with a weight of which only some entries are at work in a training pass.
   *
   * @param mask ones and zeros of the weight's shape, which belong to whoever changes them
   */
  record Masked(Dense whole, Tensor mask) implements Affine {
    @Override
    public Var of(Tape tape, Var x) {
      if (!tape.isTraining()) {
        return whole.of(tape, x);
      }
      Var some = tape.multiply(whole.weight.var(), Var.constant(mask));
      Var y = tape.linear(x, some, whole.bias.var());
      tape.done(some);
      return y;
    }

    @Override
    public List<Parameter> parameters() {
      return whole.parameters();
    }
  }
}
