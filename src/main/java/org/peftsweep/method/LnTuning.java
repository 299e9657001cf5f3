package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Trains the gains and shifts of all layer norms (of RMS norms the gains, which is all they have).
 *
 * <p>Zhao et al., arXiv:2312.11420, §3; Qi et al., arXiv:2211.08682.
 */
@Id("ln-tuning")
public record LnTuning() implements Untargeted {
  @Override
  public MethodHooks attach(AttachContext to) {
    norms(to.model()).forEach(parameter -> parameter.train(to.backend()));
    return MethodHooks.PASSIVE;
  }

  private static List<Parameter> norms(Model model) {
    return model.parameters().stream().filter(parameter -> parameter.role() == Role.NORM).toList();
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.of("LN_TUNING"));
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return norms(outline).stream().mapToLong(Parameter::size).sum();
  }

  @Override
  public String label() {
    return "LN-tuning";
  }
}
