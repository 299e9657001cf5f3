package org.peftsweep.method;

import java.util.Map;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.SparseWeights;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.SparseAdam;

/**
 * Arbitrary parameters: of each chosen matrix entries at random places learn, drawn once from the
 * trial's seed.
 *
 * <p>Su et al., arXiv:2306.02320, §3.2. The paper speaks of parameters at arbitrary positions,
 * which this is; its code draws whole tensors up to a budget.
 *
 * @param rate part of each matrix's entries that learn, above 0 and at most 1
 */
@Id("apet")
public record APET(double rate) implements Method {
  public APET {
    SparseAdam.requireRate(rate);
  }

  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    Map<Parameter, int[]> chosen = SparseWeights.random(to, rate);
    return new SparseWeights(
        chosen,
        (parameter, adam) -> new SparseAdam(parameter, (AdamW) adam, chosen.get(parameter)));
  }

  @Override
  public boolean takes(Optimizer optimizer) {
    return optimizer instanceof AdamW;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return SparseAdam.kept((long) out * in, rate);
  }
}
