package org.peftsweep.method;

import java.util.List;
import java.util.Set;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Trains every bias of the base, those of norms and of BERT's pooler with it, and nothing else.
 *
 * <p>Ben Zaken et al., arXiv:2106.10199, §3. The bias of a key matrix has no effect on the output:
 * its gradient is rounding noise.
 */
@Id("bitfit")
public record Bitfit() implements Untargeted {
  @Override
  public MethodHooks attach(AttachContext to) {
    biases(to.model()).forEach(bias -> bias.train(to.backend()));
    return MethodHooks.PASSIVE;
  }

  private static List<Parameter> biases(Model model) {
    return model.parameters().stream()
        .filter(parameter -> parameter.role() != Role.HEAD && parameter.name().endsWith(".bias"))
        .toList();
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    if (biases(outline).isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot use bitfit on a model without biases: choose ln-tuning or head-only");
    }
  }

  @Override
  public boolean learnsValues(Set<Role> targets) {
    return true;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return hasBias ? out : 0;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return biases(outline).stream().mapToLong(Parameter::size).sum();
  }

  @Override
  public String label() {
    return "BitFit";
  }
}
