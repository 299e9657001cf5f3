package org.peftsweep.method;

import java.util.Set;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Trains the classification head alone, on a frozen base whose dropout stays on: the lower
 * baseline.
 */
@Id("head-only")
public record HeadOnly() implements Untargeted {
  @Override
  public MethodHooks attach(AttachContext to) {
    // The head learns with every method; there is nothing to add.
    return MethodHooks.PASSIVE;
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    if (outline.isLanguageModel()) {
      throw new IllegalArgumentException(
          "Cannot use head-only with a language model, whose head is frozen: choose untrained or a"
              + " method that adds or trains something");
    }
  }

  @Override
  public String label() {
    return "Head only";
  }
}
