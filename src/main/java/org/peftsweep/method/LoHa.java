package org.peftsweep.method;

import java.util.List;
import java.util.Optional;
import org.peftsweep.compute.Var;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DeltaAdapter;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Id;

/**
 * Low-rank Hadamard product: {@code ΔW = (alpha/rank)·(A₁·B₁) ⊙ (A₂·B₂)} with A {@code [out, rank]}
 * and B {@code [rank, in]}, whose rank may be rank².
 *
 * <p>Hyeon-Woo et al., arXiv:2108.06098, §2.2 (FedPara); Yeh et al., arXiv:2309.14859 (LyCORIS). As
 * in PEFT all are drawn uniformly from ±1/√columns but B₂, which is zero, so that step 0 equals the
 * base model.
 *
 * @param rank of each product, at least 1
 * @param alpha numerator of the scale
 */
@Id("loha")
public record LoHa(int rank, double alpha) implements Method {
  public LoHa {
    Settings.rank(rank);
    Settings.positive("alpha", alpha);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      float scale = (float) (to.alpha(linear, alpha) / rank);
      Parameter a1 = to.learning(linear, "hada_w1_a", linear.out(), rank);
      Parameter b1 = to.learning(linear, "hada_w1_b", rank, linear.in());
      Parameter a2 = to.learning(linear, "hada_w2_a", linear.out(), rank);
      Parameter b2 = to.learning(linear, "hada_w2_b", rank, linear.in());
      to.uniform(a1, 1 / Math.sqrt(rank));
      to.uniform(b1, 1 / Math.sqrt(linear.in()));
      to.uniform(a2, 1 / Math.sqrt(rank));
      linear.attach(
          new DeltaAdapter(
              List.of(a1, b1, a2, b2),
              (tape, base) -> {
                Var one = Matrices.product(tape, a1.var(), false, b1.var(), false, scale);
                Var two = Matrices.product(tape, a2.var(), b2.var());
                Var delta = tape.multiply(one, two);
                tape.done(one);
                tape.done(two);
                return delta;
              }));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(
        PeftForm.of("LOHA")
            .deciding("r", rank)
            .deciding("alpha", PeftForm.number(alpha))
            .other("init_weights", true));
  }

  @Override
  public int leastSide() {
    return rank;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return 2L * rank * (out + in);
  }
}
