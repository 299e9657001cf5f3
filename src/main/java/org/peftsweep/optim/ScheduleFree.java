package org.peftsweep.optim;

import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * Schedule-Free AdamW (Defazio et al., arXiv:2405.15682, algorithm 1): steps are taken by z,
 * gradients at y between z and their weighted average x, and x is what is evaluated and kept. With
 * {@code u = g/(√(v/(1 − β₂ᵗ)) + ε) + decay·y} and {@code c = t^p·η_max^q / Σ of the same}: {@code
 * y ← (1 − c)·y + c·z + η(β₁(1 − c) − 1)·u}, {@code z ← z − η·u}, {@code x = y + (1 − 1/β₁)(z −
 * y)}.
 *
 * <p>It needs no schedule but warm-up: {@code schedule: constant} is its own.
 *
 * <p>State: two floats a trained scalar.
 *
 * @param beta1 place of y between z and x, in (0, 1)
 * @param beta2 decay of the mean of squared gradients, in [0, 1)
 * @param epsilon added after the root, above 0
 * @param stepPower p, power of a step's number in its weight, at least 0
 * @param ratePower q, power of the largest rate so far in a step's weight, at least 0
 */
@Id("schedulefree")
public record ScheduleFree(
    double beta1, double beta2, double epsilon, double stepPower, double ratePower)
    implements Optimizer {
  public ScheduleFree {
    Optimizers.requireFraction("beta1", beta1);
    Optimizers.requirePositive("beta1", beta1);
    Optimizers.requireFraction("beta2", beta2);
    Optimizers.requirePositive("epsilon", epsilon);
    Optimizers.requireNotNegative("step-power", stepPower);
    Optimizers.requireNotNegative("rate-power", ratePower);
  }

  @Override
  public Update update(Parameter parameter) {
    return new Averaged(parameter, this);
  }

  private static final class Averaged implements Update {
    private final Parameter parameter;
    private final ScheduleFree settings;
    private final OptimizerState state;
    private double largestRate;
    private double weights;

    /** Where gradients are taken, while the average is shown. */
    private final WeightsBehind behind = new WeightsBehind();

    private Averaged(Parameter parameter, ScheduleFree settings) {
      this.parameter = parameter;
      this.settings = settings;
      this.state = new OptimizerState(2 * parameter.size());
    }

    private Tensor part(Backend backend, int index) {
      return state.part(backend, index * parameter.size(), parameter.value().shape());
    }

    @Override
    public void step(Backend backend, double rate, double decay, Scratch scratch) {
      Tensor steps = part(backend, 0);
      if (state.steps() == 0) {
        backend.copy(parameter.value(), steps);
      }
      int step = state.advance();
      largestRate = Math.max(largestRate, rate);
      double weight =
          Math.pow(step, settings.stepPower) * Math.pow(largestRate, settings.ratePower);
      weights += weight;
      float share = (float) (weights == 0 ? 0 : weight / weights);
      double correction = 1 - Math.pow(settings.beta2, step);
      float beta2 = (float) settings.beta2;
      float epsilon = (float) settings.epsilon;
      float length = (float) rate;
      float pull = (float) (rate * (settings.beta1 * (1 - share) - 1));
      Slices.change(
          backend,
          1,
          parameter.var().gradient(),
          (from, count, g, out) -> {
            float[] y = out[0];
            float[] z = out[1];
            float[] v = out[2];
            for (int i = 0; i < count; i++) {
              v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
              float u = g[i] / ((float) Math.sqrt(v[i] / correction) + epsilon);
              u += (float) decay * y[i];
              y[i] += share * (z[i] - y[i]);
              y[i] += pull * u;
              z[i] -= length * u;
            }
          },
          parameter.value(),
          steps,
          part(backend, 1));
    }

    @Override
    public void showAverage(Backend backend) {
      if (state.steps() == 0 || !behind.keep(backend, parameter)) {
        return;
      }
      float share = (float) (1 - 1 / settings.beta1);
      Slices.change(
          backend,
          1,
          part(backend, 0),
          (from, count, z, out) -> {
            for (int i = 0; i < count; i++) {
              out[0][i] += share * (z[i] - out[0][i]);
            }
          },
          parameter.value());
    }

    @Override
    public void hideAverage(Backend backend) {
      behind.putBack(backend, parameter);
    }

    @Override
    public OptimizerState state() {
      return state;
    }

    @Override
    public void save(Backend backend, StateWriter to) {
      Update.super.save(backend, to);
      to.number("largest-rate", largestRate);
      to.number("weights", weights);
    }

    @Override
    public void restore(Backend backend, StateReader from) {
      Update.super.restore(backend, from);
      largestRate = from.number("largest-rate");
      weights = from.number("weights");
    }
  }
}
