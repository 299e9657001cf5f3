package org.peftsweep.method;

import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.GaLoreAdam;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.UpdateRule;

/**
 * Gradient low-rank projection: the chosen matrices learn in full, with Adam's moments kept in a
 * subspace of the gradient that is found anew every {@code gap} steps. Biases stay frozen.
 *
 * <p>Zhao et al., arXiv:2403.03507, §4; {@link GaLoreAdam} has the update. The rate that acts is
 * the learning rate times scale. Gradients are clipped before they are projected.
 *
 * @param rank of the subspace, at least 1
 * @param gap steps between two subspaces, at least 1
 * @param scale on the update
 * @param side of the gradient that is projected
 */
@Id("galore")
public record GaLore(int rank, int gap, double scale, GaLoreAdam.Side side) implements Method {
  public GaLore {
    Settings.rank(rank);
    Settings.between("gap", gap, 1, Settings.MOST_STEPS);
    Settings.positive("scale", scale);
  }

  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      linear.weight().train(to.backend());
    }
    return new MethodHooks() {
      @Override
      public UpdateRule updates() {
        return (parameter, optimizer) ->
            to.targets().contains(parameter.role())
                ? new GaLoreAdam(parameter, (AdamW) optimizer, rank, gap, scale, side)
                : optimizer.update(parameter);
      }
    };
  }

  @Override
  public boolean takes(Optimizer optimizer) {
    return optimizer instanceof AdamW;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) out * in;
  }
}
