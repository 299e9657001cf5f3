package org.peftsweep.method;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Norm;
import org.peftsweep.model.NormAdapter;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Scaling and shifting features: {@code y = γ ⊙ z + β} after each matrix of the layers and each
 * layer norm, the embeddings' with them. All of it folds into what comes before.
 *
 * <p>Lian et al., arXiv:2210.08823, §3. γ is drawn from N(1, deviation²) and β from N(0,
 * deviation²); only with a deviation of 0 step 0 equals the base model. RMS norms have no shift and
 * are left out. The paper is of vision models; rates for language are unverified.
 *
 * @param deviation of the start, at least 0
 */
@Id("ssf")
public record SSF(double deviation) implements Untargeted {
  public SSF {
    Settings.between("deviation", deviation, 0.0, 1.0);
  }

  private record Pair(Parameter scale, Parameter shift) {
    List<Parameter> parameters() {
      return List.of(scale, shift);
    }
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.model().projections()) {
      Pair pair = pair(to, linear.name(), linear.role(), linear.layer(), linear.out());
      linear.attach(new OfOutput(pair, linear.bias() != null));
    }
    for (Norm norm : to.model().norms()) {
      norm.attach(new OfNorm(pair(to, norm.name(), Role.NORM, norm.layer(), norm.width())));
    }
    return MethodHooks.PASSIVE;
  }

  private Pair pair(AttachContext to, String name, Role role, int layer, int width) {
    Backend backend = to.backend();
    Parameter scale = Parameter.zeros(backend, name + ".ssf_scale", role, layer, width);
    Parameter shift = Parameter.zeros(backend, name + ".ssf_shift", role, layer, width);
    to.normal(scale.train(backend), 1, deviation);
    to.normal(shift.train(backend), 0, deviation);
    return new Pair(scale, shift);
  }

  @Override
  public boolean startsAtBase() {
    return deviation == 0;
  }

  @Override
  public boolean learnsValues(Set<Role> targets) {
    return true;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return 2L * out;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return Stream.concat(
            outline.projections().stream().map(Linear::out),
            outline.norms().stream().map(Norm::width))
        .mapToLong(width -> 2L * width)
        .sum();
  }

  private record OfOutput(Pair pair, boolean isMergeable) implements Adapter {
    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Var y = base.addBias(tape, product);
      Var scaled = tape.multiplyRow(y, pair.scale.var());
      tape.done(y);
      return tape.addRow(scaled, pair.shift.var());
    }

    @Override
    public List<Parameter> parameters() {
      return pair.parameters();
    }

    /** A projection without a bias takes no shift, and so cannot be merged. */
    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      backend.multiplyColumn(weight, pair.scale.value(), weight);
      if (bias != null) {
        backend.multiply(bias, pair.scale.value(), bias);
        backend.addScaled(1, pair.shift.value(), bias);
      }
    }
  }

  private record OfNorm(Pair pair) implements NormAdapter {
    @Override
    public Var gain(Tape tape, Var gain) {
      return tape.multiply(gain, pair.scale.var());
    }

    @Override
    public Var shift(Tape tape, Var shift) {
      return tape.addRow(tape.multiply(shift, pair.scale.var()), pair.shift.var());
    }

    @Override
    public void merge(Backend backend, Tensor gain, Tensor shift) {
      backend.multiply(gain, pair.scale.value(), gain);
      backend.multiply(shift, pair.scale.value(), shift);
      backend.addScaled(1, pair.shift.value(), shift);
    }

    @Override
    public List<Parameter> parameters() {
      return pair.parameters();
    }
  }
}
