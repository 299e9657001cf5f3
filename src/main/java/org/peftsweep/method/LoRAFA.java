package org.peftsweep.method;

import org.peftsweep.model.Linear;

/**
 * LoRA with a frozen A: {@code y = Wx + (alpha/rank)·B·A·x + b} where A keeps its random start and
 * only B {@code [out, rank]} learns, so that no step needs the input x again.
 *
 * <p>Zhang et al., arXiv:2308.03303, §3. B learns by plain AdamW, as in the paper.
 *
 * @param rank inner dimension, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
public record LoRAFA(int rank, double alpha, double dropout) implements Method {
  public LoRAFA {
    Settings.atLeast("rank", rank, 1);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public Attached attach(Attachment to) {
    for (Linear linear : to.projections()) {
      LowRank update = LowRank.drawn(to, linear, rank, (float) (alpha / rank), (float) dropout);
      update.b().train(to.backend());
      linear.attach(new LowRankAdapter(update));
    }
    return Attached.PASSIVE;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * out;
  }

  @Override
  public String label() {
    return "LoRA-FA";
  }
}
