package org.peftsweep.method;

import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DeltaAdapter;
import org.peftsweep.method.adapter.Draws;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Sparse high-rank adapter: a fixed random set of {@code rank·(out + in)} entries of ΔW learns, as
 * many as a LoRA of that rank has.
 *
 * <p>Bhardwaj et al., arXiv:2406.13175, §3, with its random mask. The entries start at zero, so
 * that step 0 equals the base model; which they are is drawn from the trial's seed.
 *
 * @param rank of a LoRA with as many scalars, at least 1
 */
@Id("shira")
public record SHiRA(int rank) implements Method {
  public SHiRA {
    Settings.rank(rank);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    for (Linear linear : to.projections()) {
      int count = Math.toIntExact(trainable(linear.out(), linear.in(), false));
      Parameter values = to.learning(linear, "shira_weight", count);
      SplittableRandom random = to.seeds().random("initialise " + values.name());
      int[] chosen = Draws.distinct(random, count, linear.out() * linear.in());
      Places places = Places.of(to.backend(), linear, "shira_indices", chosen);
      linear.attach(
          new DeltaAdapter(
              List.of(values, places.parameter()),
              (tape, base) ->
                  Matrices.scatter(tape, values.var(), places.numbers(), base.out(), base.in())));
    }
    return MethodHooks.PASSIVE;
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    for (Linear linear : outline.projections()) {
      long size = (long) linear.out() * linear.in();
      if (targets.contains(linear.role()) && trainable(linear.out(), linear.in(), false) > size) {
        throw new IllegalArgumentException(
            "Cannot use rank = %d: %s has %d entries, give at most %d"
                .formatted(rank, linear.name(), size, size / (linear.out() + linear.in())));
      }
    }
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return (long) rank * (out + in);
  }
}
