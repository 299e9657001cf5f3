package org.peftsweep.method;

import java.util.Optional;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.LowRankAdapter;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.optim.Id;

/**
 * Low-rank adaptation: {@code y = Wx + (alpha/rank)·B·A·x + b} with A {@code [rank, in]} and B
 * {@code [out, rank]}; W and b stay frozen.
 *
 * <p>Hu et al., arXiv:2106.09685, §4.1. A is drawn uniformly from ±1/√in (Kaiming with a = √5, as
 * in the reference implementation) and B is zero, so that step 0 equals the base model.
 *
 * @param rank inner dimension, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
@Id("lora")
public record LoRA(int rank, double alpha, double dropout) implements Method {
  public LoRA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      float scale = (float) (to.alpha(linear, alpha) / rank);
      LowRank update = LowRank.fresh(to, linear, rank, scale, (float) dropout);
      linear.attach(new LowRankAdapter(update));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(rank, alpha, dropout));
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in);
  }
}
