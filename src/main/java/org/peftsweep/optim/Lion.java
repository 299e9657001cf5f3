package org.peftsweep.optim;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * Lion (Chen et al., arXiv:2302.06675, algorithm 2): {@code w ← w·(1 − lr·decay) − lr·sign(β₁m + (1
 * − β₁)g)}, then {@code m ← β₂m + (1 − β₂)g}; the sign of 0 is 0.
 *
 * <p>State: one float a trained scalar. Rates want to be 3 to 10 times smaller than AdamW's, decay
 * larger by as much (§5 there).
 *
 * @param beta1 share of the mean in the direction, in [0, 1)
 * @param beta2 decay of the mean of gradients, in [0, 1)
 */
@Id("lion")
public record Lion(double beta1, double beta2) implements Optimizer {
  public Lion {
    Optimizers.requireFraction("beta1", beta1);
    Optimizers.requireFraction("beta2", beta2);
  }

  @Override
  public Update update(Parameter parameter) {
    return new Signed(parameter, this);
  }

  private static final class Signed implements Update {
    private final Parameter parameter;
    private final float beta1;
    private final float beta2;
    private final OptimizerState state;

    private Signed(Parameter parameter, Lion settings) {
      this.parameter = parameter;
      this.beta1 = (float) settings.beta1;
      this.beta2 = (float) settings.beta2;
      this.state = new OptimizerState(parameter.size());
    }

    @Override
    public void step(Backend backend, double rate, double decay, Scratch scratch) {
      Tensor value = parameter.value();
      float kept = (float) (1 - rate * decay);
      float length = (float) rate;
      state.advance();
      Slices.change(
          backend,
          1,
          parameter.var().gradient(),
          (from, count, g, out) -> {
            float[] p = out[0];
            float[] m = out[1];
            for (int i = 0; i < count; i++) {
              p[i] = p[i] * kept - length * Math.signum(beta1 * m[i] + (1 - beta1) * g[i]);
              m[i] = beta2 * m[i] + (1 - beta2) * g[i];
            }
          },
          value,
          state.part(backend, 0, value.shape()));
    }

    @Override
    public OptimizerState state() {
      return state;
    }
  }
}
