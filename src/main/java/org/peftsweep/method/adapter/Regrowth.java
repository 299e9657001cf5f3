package org.peftsweep.method.adapter;

import java.util.Map;
import java.util.function.IntSupplier;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Update;
import org.peftsweep.optim.UpdateRule;

/** Entries of weights that change places, by updates that know how many steps the trial has. */
public final class Regrowth implements MethodHooks {
  private final SparseWeights weights;
  private int steps = 1;

  /** Makes the update of one parameter. */
  @FunctionalInterface
  public interface Maker {
    /**
     * @param places of the entries that learn first, ascending
     * @param steps of the whole trial
     */
    Update make(Parameter parameter, int[] places, Optimizer optimizer, IntSupplier steps);
  }

  /**
   * @param chosen ascending places of the entries that learn first, by parameter
   */
  public Regrowth(Map<Parameter, int[]> chosen, Maker maker) {
    weights =
        new SparseWeights(
            chosen,
            (parameter, optimizer) ->
                maker.make(parameter, chosen.get(parameter), optimizer, () -> steps));
  }

  @Override
  public void beforeStep(int step, int ofTrial, Probe probe) {
    steps = ofTrial;
  }

  @Override
  public UpdateRule updates() {
    return weights.updates();
  }

  @Override
  public long learning(Parameter parameter) {
    return weights.learning(parameter);
  }
}
