package org.peftsweep.method;

import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Regrowth;
import org.peftsweep.method.adapter.SparseWeights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.SM3;
import org.peftsweep.optim.SpIELAdam;
import org.peftsweep.optim.SpIELSM3;
import org.peftsweep.optim.SparseAdam;

/**
 * SpIEL whose entries move by SM3 and regrow where the momentum that SM3's sums over rows and
 * columns approximate is largest. {@link SpIELSM3} has the rule; the head moves by the trial's
 * optimizer.
 *
 * <p>Ansell et al., arXiv:2401.16405, §3 (SpIEL-MA). Differs from the authors' code: a matrix's
 * share is of its own entries, not of all parameters of the model, and gradients pass through
 * memory of the whole tensor, which the method does not need. That entries are replaced in the step
 * that completes each {@code every}, never all at once, is unverified.
 *
 * @param rate part of each matrix's entries that learn, above 0 and at most 1
 * @param every steps between two selections, at least 2
 * @param replaced part of the entries that is replaced at first, in [0, 1]
 * @param policy how that part falls to 0 over the trial
 */
@Id("spielma")
public record SpIELMA(double rate, int every, double replaced, SpIEL.Policy policy)
    implements Method {
  public SpIELMA {
    SparseAdam.requireRate(rate);
    Settings.between("every", every, 2, Settings.MOST_STEPS);
    Settings.between("replaced", replaced, 0.0, 1.0);
  }

  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    SpIELAdam.Schedule schedule =
        new SpIELAdam.Schedule(every, 0, replaced, policy == SpIEL.Policy.COSINE);
    return new Regrowth(
        SparseWeights.random(to, rate),
        (parameter, places, optimizer, steps) -> new SpIELSM3(parameter, places, schedule, steps));
  }

  @Override
  public boolean takes(Optimizer optimizer) {
    return optimizer instanceof AdamW || optimizer instanceof SM3;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return SparseAdam.kept((long) out * in, rate);
  }

  @Override
  public String label() {
    return "SpIEL-MA";
  }
}
