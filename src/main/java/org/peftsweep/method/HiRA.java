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
 * Hadamard high-rank adaptation: {@code ΔW = W ⊙ (B·A)}, whose rank may be that of W times rank.
 *
 * <p>Huang et al., ICLR 2025 ("HiRA: Parameter-Efficient Hadamard High-Rank Adaptation"), §3. A is
 * uniform in ±1/√in and B is zero, so that step 0 equals the base model. There is no scale.
 *
 * @param rank inner dimension, at least 1
 */
@Id("hira")
public record HiRA(int rank) implements Method {
  public HiRA {
    Settings.rank(rank);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      int rank = to.rank(linear, this.rank);
      Parameter a = to.learning(linear, "hira_A", rank, linear.in());
      Parameter b = to.learning(linear, "hira_B", linear.out(), rank);
      to.uniform(a, 1 / Math.sqrt(linear.in()));
      linear.attach(
          new DeltaAdapter(
              List.of(a, b),
              (tape, base) -> {
                Var weight = Matrices.values(tape, base.weight().var(), base.out(), base.in());
                Var factor = Matrices.product(tape, b.var(), a.var());
                Var delta = tape.multiply(weight, factor);
                tape.done(weight);
                tape.done(factor);
                return delta;
              }));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public Optional<PeftForm> peft(Model model, int steps) {
    return Optional.of(PeftForm.of("HIRA").deciding("r", rank).other("init_weights", true));
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
