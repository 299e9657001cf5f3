package org.peftsweep.optim;

import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Moments;
import org.peftsweep.model.Parameter;

/**
 * AdamW (Loshchilov and Hutter, arXiv:1711.05101) as torch.optim has it: decay before the update, ε
 * added to the bias-corrected root.
 *
 * <p>State: two floats a trained scalar, allocated by the first step that has its gradient.
 *
 * @param beta1 decay of the mean of gradients, in [0, 1)
 * @param beta2 decay of the mean of their squares, in [0, 1)
 * @param epsilon added after the root, above 0
 */
@Id("adamw")
public record AdamW(double beta1, double beta2, double epsilon) implements Optimizer {
  public AdamW {
    Optimizers.requireFraction("beta1", beta1);
    Optimizers.requireFraction("beta2", beta2);
    Optimizers.requirePositive("epsilon", epsilon);
  }

  @Override
  public Update update(Parameter parameter) {
    return new Dense(parameter, this);
  }

  /**
   * Returns the scalars of a parameter's step.
   *
   * @param step from 1
   * @param ownEpsilon in place of that of the settings
   */
  AdamStep at(int step, double rate, double ownEpsilon, double decay) {
    return new AdamStep(
        (float) rate,
        (float) beta1,
        (float) beta2,
        (float) ownEpsilon,
        (float) decay,
        1 - Math.pow(beta1, step),
        1 - Math.pow(beta2, step));
  }

  /** The update of all scalars of a parameter. */
  private static final class Dense implements AdamUpdate {
    private final Parameter parameter;
    private final AdamW settings;
    private final OptimizerState state;

    private Dense(Parameter parameter, AdamW settings) {
      this.parameter = parameter;
      this.settings = settings;
      this.state = new OptimizerState(2 * parameter.size());
    }

    @Override
    public Moments moments(Backend backend) {
      int[] shape = parameter.value().shape();
      return new Moments(
          parameter.value(),
          parameter.var().gradient(),
          state.part(backend, 0, shape),
          state.part(backend, parameter.size(), shape));
    }

    @Override
    public AdamStep next(double rate, double decay) {
      return settings.at(state.steps() + 1, rate, settings.epsilon, decay);
    }

    @Override
    public OptimizerState state() {
      return state;
    }
  }
}
