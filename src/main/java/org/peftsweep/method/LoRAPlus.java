package org.peftsweep.method;

import java.util.Optional;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.LowRankAdapter;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;

/**
 * LoRA whose B learns {@code bRatio} times as fast as its A; multiplies with λ, so that B of a
 * value matrix learns at {@code λ·bRatio·η}.
 *
 * <p>Hayou et al., arXiv:2402.12354, §4. As in the reference implementation every vector that
 * learns has the rate of B; with LoRA those are the biases of the head.
 *
 * @param rank inner dimension, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 * @param bRatio η_B / η_A
 */
@Id("loraplus")
public record LoRAPlus(int rank, double alpha, double dropout, double bRatio) implements Method {
  public LoRAPlus {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
    Settings.positive("b-ratio", bRatio);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      float scale = (float) (to.alpha(linear, alpha) / rank);
      LowRank update = LowRank.fresh(to, linear, rank, scale, (float) dropout);
      update.b().scaleRate(bRatio);
      linear.attach(new LowRankAdapter(update));
    }
    for (Parameter parameter : to.model().trainable()) {
      if (parameter.value().shape().length == 1) {
        parameter.scaleRate(bRatio);
      }
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(rank, alpha, dropout));
  }

  @Override
  public boolean takes(Optimizer optimizer) {
    return optimizer.takesRatios();
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
    return "LoRA+";
  }
}
