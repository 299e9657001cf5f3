package org.peftsweep.method;

import java.util.List;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * Spectral reparametrisation of a frozen weight: {@code y = (γ/σ)·Wx + b} with σ the largest
 * singular value of W and one learnt γ a target, which starts as σ, so that step 0 equals the base
 * model.
 *
 * <p>Zhai et al., arXiv:2303.06296, §3, where W learns too. That γ alone learns is this project's
 * reading of it as a parameter-efficient method, as is learning {@code γ/σ}, which starts as 1: the
 * quotient makes rates of targets comparable. Unverified on language tasks.
 */
@Id("sigmareparam")
public record SigmaReparam() implements Method {
  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      Parameter ratio = to.learning(linear, "sigma_ratio", 1);
      to.backend().fill(ratio.value(), 1);
      linear.attach(new Scaled(ratio));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return 1;
  }

  @Override
  public String label() {
    return "σReparam";
  }

  private record Scaled(Parameter ratio) implements Adapter {
    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      int rows = product.value().rows();
      int out = base.out();
      Var column = tape.reshape(product, rows * out, 1);
      tape.done(product);
      Var scaled = tape.multiplyRow(column, ratio.var());
      tape.done(column);
      Var y = tape.reshape(scaled, rows, out);
      tape.done(scaled);
      return base.addBias(tape, y);
    }

    @Override
    public List<Parameter> parameters() {
      return List.of(ratio);
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      float[] value = new float[1];
      backend.read(ratio.value(), 0, value, 0, 1);
      backend.scale(value[0], weight, weight);
    }
  }
}
