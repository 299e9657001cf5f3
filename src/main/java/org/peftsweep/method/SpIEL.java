package org.peftsweep.method;

import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Regrowth;
import org.peftsweep.method.adapter.SparseWeights;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Id;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.SpIELAdam;
import org.peftsweep.optim.SparseAdam;

/**
 * Sparse fine-tuning with regrowth: few entries of each chosen matrix learn, at random places at
 * first; now and then those that changed least give way to those with the largest accumulated
 * gradients. {@link SpIELAdam} has the rule.
 *
 * <p>Ansell et al., arXiv:2401.16405, §3 (SpIEL-AG). Differs from the authors' code: a matrix's
 * share is of its own entries, not of all parameters of the model.
 *
 * @param rate part of each matrix's entries that learn, above 0 and at most 1
 * @param every steps between two selections, at least 2
 * @param accumulation steps of a selection, from 1 and below every
 * @param replaced part of the entries that is replaced at first, in [0, 1]
 * @param policy how that part falls to 0 over the trial
 */
@Id("spiel")
public record SpIEL(double rate, int every, int accumulation, double replaced, Policy policy)
    implements Method {
  /** How the part that is replaced falls. */
  public enum Policy {
    /** In a line; the first selection replaces all. */
    LINEAR,
    /** As half a cosine. */
    COSINE
  }

  public SpIEL {
    SparseAdam.requireRate(rate);
    Settings.between("every", every, 2, Settings.MOST_STEPS);
    Settings.between("accumulation", accumulation, 1, every - 1);
    Settings.between("replaced", replaced, 0.0, 1.0);
  }

  @Override
  public boolean sharesBase() {
    return false;
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    SpIELAdam.Schedule schedule =
        new SpIELAdam.Schedule(every, accumulation, replaced, policy == Policy.COSINE);
    return new Regrowth(
        SparseWeights.random(to, rate),
        (parameter, places, adam, steps) ->
            new SpIELAdam(parameter, (AdamW) adam, places, schedule, steps));
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
