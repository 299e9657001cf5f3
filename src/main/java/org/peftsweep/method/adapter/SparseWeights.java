package org.peftsweep.method.adapter;

import java.util.IdentityHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.SparseAdam;
import org.peftsweep.optim.UpdateRule;

/**
 * Weights of the base of which some entries learn.
 *
 * @param chosen ascending places of the entries, by parameter
 * @param rule makes the updates of these parameters
 */
public record SparseWeights(Map<Parameter, int[]> chosen, UpdateRule rule) implements MethodHooks {
  /** Lets the weight of a projection learn, and returns it. */
  public static Parameter train(AttachContext to, Linear linear) {
    return linear.weight().train(to.backend());
  }

  /** Lets the weights of all targets learn, and draws places in each from the trial's seed. */
  public static Map<Parameter, int[]> random(AttachContext to, double rate) {
    Map<Parameter, int[]> chosen = new IdentityHashMap<>();
    for (Linear linear : to.projections()) {
      Parameter weight = train(to, linear);
      SplittableRandom random = to.seeds().random("entries of " + weight.name());
      int size = Math.toIntExact(weight.size());
      chosen.put(weight, Draws.distinct(random, SparseAdam.kept(size, rate), size));
    }
    return chosen;
  }

  @Override
  public UpdateRule updates() {
    return (parameter, optimizer) ->
        chosen.containsKey(parameter)
            ? rule.update(parameter, optimizer)
            : optimizer.update(parameter);
  }

  @Override
  public long learning(Parameter parameter) {
    int[] own = chosen.get(parameter);
    return own == null ? MethodHooks.super.learning(parameter) : own.length;
  }
}
