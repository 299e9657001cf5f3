package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.CoreAdapter;
import org.peftsweep.method.adapter.LowRank;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * LoRA of which only an inner matrix learns: {@code y = Wx + (alpha/rank)·B·R·A·x + b} with R
 * {@code [rank, rank]} and, of the weight's largest singular values {@code W ≈ UΣVᵀ}, the frozen
 * {@code A = Vᵀ [rank, in]} and {@code B = UΣ [out, rank]}.
 *
 * <p>Bałazy et al., arXiv:2405.17604, §3. R starts at zero, so that step 0 equals the base model;
 * the paper draws it with a deviation of 1e-5.
 *
 * @param rank sides of R, from 1 to the smaller side of each target
 * @param alpha numerator of the scale
 * @param dropout probability, in [0, 1), that an input of A is dropped while training
 */
@Id("loraxs")
public record LoRAXS(int rank, double alpha, double dropout) implements Method {
  public LoRAXS {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
    Settings.fraction("dropout", dropout);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      LowRank outer =
          CoreAdapter.principal(to, linear, rank, (float) (alpha / rank), (float) dropout);
      Parameter inner = to.learning(linear, "lora_R", rank, rank);
      List<Parameter> all = List.of(outer.a(), outer.b(), inner);
      linear.attach(new CoreAdapter(outer, all, all, tape -> inner.var()));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public int leastSide() {
    return rank;
  }

  /** As LoRA with {@code B·R} for B. */
  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.lora(rank, alpha, dropout).converted());
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * rank;
  }

  @Override
  public String label() {
    return "LoRA-XS";
  }
}
