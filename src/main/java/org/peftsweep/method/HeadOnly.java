package org.peftsweep.method;

import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.optim.Id;

/**
 * Trains the classification head alone, on a frozen base whose dropout stays on: the lower
 * baseline.
 */
@Id("head-only")
public record HeadOnly() implements Method {
  @Override
  public MethodHooks attach(AttachContext to) {
    // The head learns with every method; there is nothing to add.
    return MethodHooks.PASSIVE;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return 0;
  }

  @Override
  public boolean usesTargets() {
    return false;
  }

  @Override
  public String label() {
    return "Head only";
  }
}
