package org.peftsweep.method;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DeltaAdapter;
import org.peftsweep.method.adapter.Fastfood;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Structure-aware intrinsic dimension: one learnt vector z moves all targets, each by its own
 * random map, {@code ΔW = λ·M·z} with a learnt λ a target. {@link Fastfood} has the map, of which
 * nothing of the size of ΔW times that of z is ever made.
 *
 * <p>Aghajanyan et al., arXiv:2012.13255, §3. z starts at zero and every λ at 1, so that step 0
 * equals the base model. Differs from the paper: of a model only the targets move. Gradients are
 * those of the map itself; those of the reference are scaled by the length of its transforms.
 *
 * @param size scalars that learn in all, λs with them, more than there are targets
 * @param projectionSeed draws the maps; no trial's seed changes them
 */
@Id("said")
public record SAID(int size, long projectionSeed) implements Method {
  public SAID {
    Settings.between("size", size, 2, Settings.MOST);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    List<Linear> targets = to.projections();
    int inputs = size - targets.size();
    Fastfood.Maker maps = new Fastfood.Maker(to, inputs);
    Parameter z = to.shared(targets, "said_z", 1, inputs);
    for (Linear linear : targets) {
      List<Parameter> kept = new ArrayList<>();
      if (linear == targets.get(0)) {
        kept.add(z);
      }
      Parameter lambda = to.learning(linear, "said_lambda", 1);
      to.backend().fill(lambda.value(), 1);
      kept.add(lambda);
      List<Parameter> all = new ArrayList<>(kept);
      SplittableRandom random = new Seeds(projectionSeed).random("said " + linear.name());
      Fastfood map = maps.of(linear, random, all);
      Var shared = z.var();
      linear.attach(
          new DeltaAdapter(
              all, kept, (tape, base) -> delta(tape, base, map.of(tape, shared), lambda.var())));
    }
    return MethodHooks.PASSIVE;
  }

  private static Var delta(Tape tape, Linear base, Var mapped, Var lambda) {
    Var column = tape.reshape(mapped, base.out() * base.in(), 1);
    tape.done(mapped);
    Var scaled = tape.multiplyRow(column, lambda);
    tape.done(column);
    Var delta = tape.reshape(scaled, base.out(), base.in());
    tape.done(scaled);
    return delta;
  }

  @Override
  public void requireFit(Model outline, Set<Role> targets) {
    Method.super.requireFit(outline, targets);
    long count =
        outline.projections().stream().filter(linear -> targets.contains(linear.role())).count();
    if (size <= count) {
      throw new IllegalArgumentException(
          "Cannot use size = %d on %d targets: give more than that".formatted(size, count));
    }
  }

  /** Layers share what learns. */
  @Override
  public boolean adaptsLayers() {
    return false;
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return 1;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return size;
  }
}
