package org.peftsweep.method;

import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.optim.Id;

/**
 * Nothing learns: the base under a head as it was drawn, the row "Before Fine-tune" of the
 * benchmark (arXiv:2410.02247, Table 2). A trial of it evaluates once and takes no steps.
 */
@Id("untrained")
public record Untrained() implements Untargeted {
  @Override
  public MethodHooks attach(AttachContext to) {
    // Nothing learns; there is nothing to add.
    return MethodHooks.PASSIVE;
  }

  @Override
  public boolean learns() {
    return false;
  }

  @Override
  public String label() {
    return "Before Fine-tune";
  }
}
