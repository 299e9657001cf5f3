package org.peftsweep.method;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.DeltaAdapter;
import org.peftsweep.method.adapter.Matrices;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.optim.Id;

/**
 * Random parameter sharing: every entry of every ΔW is an entry of one learnt array, or its
 * negative, by a hash of its place.
 *
 * <p>Desai and Shrivastava, arXiv:2207.10702 (ROAST), and arXiv:2310.11611 (STABLE-RPS). Differs
 * from both: they compress the weights themselves and hash whole tiles; here updates are shared,
 * entry by entry. Adam makes STABLE-RPS's scaling of the array's gradient needless. The array
 * starts at zero, so that step 0 equals the base model. Unverified as a fine-tuning method.
 *
 * @param size entries of the array, at least 1
 * @param hashSeed of the hash; no trial's seed changes it
 */
@Id("roast")
public record ROAST(int size, long hashSeed) implements Method {
  public ROAST {
    Settings.between("size", size, 1, 100 * Settings.MOST);
  }

  @Override
  public MethodHooks attach(AttachContext to) {
    List<Linear> targets = to.projections();
    Parameter array = to.shared(targets, "roast_array", size);
    for (Linear linear : targets) {
      List<Parameter> kept = linear == targets.get(0) ? List.of(array) : List.of();
      Places places = Places.of(to.backend(), linear, "roast_places", hash(linear));
      List<Parameter> all = new ArrayList<>(kept);
      all.add(places.parameter());
      linear.attach(
          new DeltaAdapter(
              all,
              kept,
              (tape, base) -> {
                Var both = withNegatives(tape, array.var());
                Var delta = Matrices.gather(tape, both, places.numbers(), base.out(), base.in());
                tape.done(both);
                return delta;
              }));
    }
    return MethodHooks.PASSIVE;
  }

  private int[] hash(Linear linear) {
    SplittableRandom random = new Seeds(hashSeed).random("roast " + linear.name());
    int[] places = new int[linear.out() * linear.in()];
    for (int i = 0; i < places.length; i++) {
      places[i] = random.nextInt(2 * size);
    }
    return places;
  }

  /** The array, and behind it all its negatives. */
  private Var withNegatives(Tape tape, Var array) {
    Backend backend = tape.backend();
    Tensor y = tape.arena().take(2, size);
    backend.copy(array.value(), y.slice(0, 1));
    backend.scale(-1, array.value().reshape(1, size), y.slice(1, 1));
    return tape.operation(
        y,
        dy ->
            tape.give(
                array,
                to -> {
                  backend.copy(dy.slice(0, 1), to);
                  backend.addScaled(-1, dy.slice(1, 1), to.reshape(1, size));
                }),
        List.of(),
        array);
  }

  /** Layers share what learns. */
  @Override
  public boolean adaptsLayers() {
    return false;
  }

  @Override
  public boolean learnsValues(Set<Role> targets) {
    return targets.equals(Set.of(Role.VALUE));
  }

  @Override
  public long trainable(int out, int in, boolean hasBias) {
    return 0;
  }

  @Override
  public long trainable(Model outline, Set<Role> targets) {
    return outline.projections().stream().anyMatch(linear -> targets.contains(linear.role()))
        ? size
        : 0;
  }
}
