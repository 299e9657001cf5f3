package org.peftsweep.method.adapter;

import java.util.Map;
import java.util.function.BiFunction;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Update;
import org.peftsweep.optim.UpdateRule;

/**
 * Weights of the base of which some entries learn.
 *
 * @param chosen ascending places of the entries, by parameter
 * @param update makes the update of a parameter with the trial's settings of Adam
 */
public record SparseWeights(
    Map<Parameter, int[]> chosen, BiFunction<Parameter, AdamW, Update> update)
    implements MethodHooks {
  /** Lets the weight of a projection learn, and returns it. */
  public static Parameter train(AttachContext to, Linear linear) {
    return linear.weight().train(to.backend());
  }

  @Override
  public UpdateRule updates() {
    return (parameter, optimizer) ->
        chosen.containsKey(parameter)
            ? update.apply(parameter, (AdamW) optimizer)
            : optimizer.update(parameter);
  }

  @Override
  public long learning(Parameter parameter) {
    int[] own = chosen.get(parameter);
    return own == null ? MethodHooks.super.learning(parameter) : own.length;
  }
}
