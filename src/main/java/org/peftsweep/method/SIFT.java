package org.peftsweep.method;

import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.SparseAdam;
import org.peftsweep.optim.UpdateRule;

/**
 * Sparse increment fine-tuning: of each chosen matrix and its bias only the entries learn whose
 * gradient is largest in the first step, {@code min(⌊rate·size⌋ + 1, size)} of them; optimizer
 * state is kept for these alone, while gradients pass through memory of the whole tensor.
 *
 * <p>Song et al., ICML 2024, "Sparse is Enough in Fine-tuning Pre-trained Large Language Models".
 *
 * <p>Differs from the released code: its hooks see each gradient one hook late and apply each
 * update one pass late, and it hands the dense tensors to the optimizer too. Here the first
 * gradient chooses, the second one is the first to move, and nothing else of the tensor changes.
 *
 * @param rate part of each tensor's entries that learn, above 0 and at most 1
 */
@Id("sift")
public record SIFT(double rate) implements Method {
  public SIFT {
    SparseAdam.requireRate(rate);
  }

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
    return new Sparse(rate, to);
  }

  @Override
  public boolean takes(Optimizer optimizer) {
    return optimizer instanceof AdamW;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return SparseAdam.kept((long) out * in, rate) + (hasBias ? SparseAdam.kept(out, rate) : 0);
  }

  private record Sparse(double rate, AttachContext to) implements MethodHooks {
    @Override
    public UpdateRule updates() {
      return (parameter, optimizer) ->
          isSparse(parameter)
              ? new SparseAdam(parameter, (AdamW) optimizer, rate)
              : optimizer.update(parameter);
    }

    @Override
    public long learning(Parameter parameter) {
      return isSparse(parameter)
          ? SparseAdam.kept(parameter.size(), rate)
          : MethodHooks.super.learning(parameter);
    }

    private boolean isSparse(Parameter parameter) {
      return to.targets().contains(parameter.role());
    }
  }
}
