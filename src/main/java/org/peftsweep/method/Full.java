package org.peftsweep.method;

import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.optim.Id;

/**
 * Full fine-tuning of the chosen matrices and their biases.
 *
 * <p>With targets query, key, value or a part of them it is the benchmark's upper baseline
 * (arXiv:2410.02247, Table 2).
 */
@Id("full")
public record Full() implements Method {
  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      linear.weight().train(to.backend());
      if (linear.bias() != null) {
        linear.bias().train(to.backend());
      }
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) out * in + (hasBias ? out : 0);
  }

  @Override
  public String label() {
    return "Full Fine-tune";
  }
}
