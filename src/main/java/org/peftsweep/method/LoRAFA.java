package org.peftsweep.method;

import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Optional;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.LowRankAdapter;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.PreconditionedAdam;
import org.peftsweep.optim.UpdateRule;

/**
 * LoRA with a frozen A: {@code y = Wx + (alpha/rank)·B·A·x + b} where A keeps its random start and
 * only B {@code [out, rank]} learns, so that no step needs the input x again.
 *
 * <p>Zhang et al., arXiv:2308.03303, §3. B learns by plain AdamW, as in the paper, or by the
 * optimizer of PEFT, which makes the best of B's gradient: {@link PreconditionedAdam}.
 *
 * @param rank inner dimension, at least 1
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 * @param projection whether all that learns does so by PEFT's optimizer
 */
@Id("lorafa")
public record LoRAFA(int rank, double alpha, double dropout, boolean projection) implements Method {
  public LoRAFA {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<Parameter, LowRank> pairs = new IdentityHashMap<>();
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      float scale = (float) (to.alpha(linear, alpha) / rank);
      LowRank update = LowRank.drawn(to, linear, rank, scale, (float) dropout);
      pairs.put(update.b().train(to.backend()), update);
      linear.attach(new LowRankAdapter(update));
    }
    return projection ? new Projected(pairs) : MethodHooks.PASSIVE;
  }

  private record Projected(Map<Parameter, LowRank> pairs) implements MethodHooks {
    @Override
    public UpdateRule updates() {
      return (parameter, optimizer) -> {
        LowRank pair = pairs.get(parameter);
        AdamW adam = (AdamW) optimizer;
        return pair == null
            ? PreconditionedAdam.of(parameter, adam)
            : PreconditionedAdam.ofB(parameter, adam, pair.a(), pair.scale());
      };
    }
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
  public boolean takes(Optimizer optimizer) {
    return !projection || optimizer instanceof AdamW;
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
