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
 * Rank-stabilised LoRA: as {@link LoRA}, scaled by {@code alpha/√rank} so that the update keeps its
 * size as the rank grows.
 *
 * <p>Kalajdzievski, arXiv:2312.03732, §3.
 *
 * @param rank inner dimension, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
@Id("rslora")
public record RSLoRA(int rank, double alpha, double dropout) implements Method {
  public RSLoRA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      float scale = (float) (to.alpha(linear, alpha) / Math.sqrt(rank));
      linear.attach(new LowRankAdapter(LowRank.fresh(to, linear, rank, scale, (float) dropout)));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(rank, alpha, dropout).deciding("use_rslora", true));
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in);
  }

  @Override
  public String label() {
    return "rsLoRA";
  }
}
