package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
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
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;
import org.peftsweep.optim.Id;

/**
 * Rescales activations by a learnt vector l that starts as ones: the output, {@code y = l ⊙ (Wx +
 * b)} with l {@code [out, 1]}, or for chosen matrices the input, {@code y = W(l ⊙ x) + b} with l
 * {@code [1, in]}.
 *
 * <p>Liu et al., arXiv:2205.05638, §3.3: keys, values and the inputs of the last feed-forward
 * matrix. PEFT takes the inputs of the last one for Llama, and those of attention's output too for
 * BERT and RoBERTa, where one suffix names both.
 *
 * @param inputs roles of the matrices whose input is scaled in place of their output
 */
@Id("ia3")
public record IA3(Roles inputs) implements Method {
  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      boolean ofInput = scalesInput(linear);
      int[] shape = ofInput ? new int[] {1, linear.in()} : new int[] {linear.out(), 1};
      Parameter scale =
          Parameter.zeros(
              to.backend(), linear.name() + ".ia3_l", linear.role(), linear.layer(), shape);
      to.backend().fill(scale.value(), 1);
      scale.train(to.backend());
      linear.attach(ofInput ? new OfInput(scale) : new OfOutput(scale));
    }
    return MethodHooks.PASSIVE;
  }

  private Set<String> adapted(Model model, boolean ofInput) {
    Set<String> modules = new TreeSet<>();
    model.projections().stream()
        .filter(linear -> linear.adapter() != null && scalesInput(linear) == ofInput)
        .forEach(linear -> modules.add(linear.name()));
    return PeftForm.suffixes(modules, model);
  }

  private boolean scalesInput(Linear linear) {
    return inputs.contains(linear.role());
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    Set<String> outputs = adapted(model, false);
    Set<String> inputs = adapted(model, true);
    return Optional.of(
        PeftForm.of("IA3")
            .other(
                "target_modules", Stream.of(outputs, inputs).flatMap(Set::stream).sorted().toList())
            .other("feedforward_modules", List.copyOf(inputs))
            .other("init_ia3_weights", true));
  }

  /** Counts a target whose output is scaled. */
  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return out;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return outline.projections().stream()
        .filter(linear -> targets.contains(linear.role()))
        .mapToLong(linear -> scalesInput(linear) ? linear.in() : linear.out())
        .sum();
  }

  private record OfOutput(Parameter scale) implements Adapter {
    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Var y = base.addBias(tape, product);
      Var scaled = tape.multiplyRow(y, scale.var());
      tape.done(y);
      return scaled;
    }

    @Override
    public List<Parameter> parameters() {
      return List.of(scale);
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      backend.multiplyColumn(weight, scale.value(), weight);
      if (bias != null) {
        backend.multiply(bias, scale.value().reshape(base.out()), bias);
      }
    }
  }

  private record OfInput(Parameter scale) implements Adapter {
    @Override
    public boolean usesProduct() {
      return false;
    }

    @Override
    public Var apply(Tape tape, Linear base, Var x, Var product) {
      Var scaled = tape.multiplyRow(x, scale.var());
      Var y =
          tape.linear(scaled, base.weight().var(), base.bias() == null ? null : base.bias().var());
      tape.done(scaled);
      return y;
    }

    @Override
    public List<Parameter> parameters() {
      return List.of(scale);
    }

    @Override
    public void merge(Backend backend, Linear base, Tensor weight, Tensor bias) {
      backend.multiplyRow(weight, scale.value(), weight);
    }
  }
}
