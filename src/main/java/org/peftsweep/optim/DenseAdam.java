package org.peftsweep.optim;

import org.peftsweep.compute.Backend;
import org.peftsweep.model.Parameter;

/** AdamW on all scalars of a parameter, as torch.optim has it; two floats a scalar. */
final class DenseAdam implements Update {
  private final Parameter parameter;
  private final OptimizerState state;

  DenseAdam(Parameter parameter) {
    this.parameter = parameter;
    this.state = new OptimizerState(2 * parameter.size());
  }

  @Override
  public void step(
      Backend backend, AdamW.Settings settings, double rate, double decay, Scratch scratch) {
    int[] shape = parameter.value().shape();
    backend.adamW(
        parameter.value(),
        parameter.var().gradient(),
        state.part(backend, 0, shape),
        state.part(backend, parameter.size(), shape),
        settings.at(state.advance(), rate, settings.epsilon(), decay));
  }

  @Override
  public OptimizerState state() {
    return state;
  }
}
