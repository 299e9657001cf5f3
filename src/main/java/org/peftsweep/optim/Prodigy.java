package org.peftsweep.optim;

import java.util.Optional;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * Prodigy (Mishchenko and Defazio, arXiv:2306.06101, algorithm 4): Adam whose step size is an
 * estimate d of the distance from the start to the solution. With {@code β₃ = √β₂}, {@code γ} the
 * schedule's factor times Adam's bias correction, and {@code δ = d·γ}: {@code num ← β₃·num +
 * (d/d₀)·δ·⟨g, w₀ − w⟩}, {@code s ← β₃·s + (d/d₀)·δ·g}, {@code d ← max(d, coefficient·num/‖s‖₁)};
 * {@code m ← β₁m + (1 − β₁)d·g}, {@code v ← β₂v + (1 − β₂)d²g²}, {@code w ← w·(1 − δ·decay) −
 * δ·m/(√v + d·ε)}.
 *
 * <p>As in the authors' code δ is that of the d before the step, and a step in which every gradient
 * so far was zero moves nothing. There is one step size for all: learning rates and ratios do not
 * count.
 *
 * <p>State: four floats a trained scalar.
 *
 * @param beta1 decay of the mean of gradients, in [0, 1)
 * @param beta2 decay of the mean of their squares, in [0, 1)
 * @param epsilon added after the root, above 0
 * @param initialDistance d₀, above 0
 * @param coefficient on the estimate, above 0
 * @param growth most by which the estimate grows in a step, 0 for no bound
 * @param safeguardWarmup leaves the step size out of s, for warm-up
 * @param correctBias whether the bias of the means is corrected
 */
@Id("prodigy")
public record Prodigy(
    double beta1,
    double beta2,
    double epsilon,
    double initialDistance,
    double coefficient,
    double growth,
    boolean safeguardWarmup,
    boolean correctBias)
    implements Optimizer {
  public Prodigy {
    Optimizers.requireFraction("beta1", beta1);
    Optimizers.requireFraction("beta2", beta2);
    Optimizers.requirePositive("epsilon", epsilon);
    Optimizers.requirePositive("initial-distance", initialDistance);
    Optimizers.requirePositive("coefficient", coefficient);
    Optimizers.requireNotNegative("growth", growth);
  }

  /** Steps of factor 0 are not measured. */
  @Override
  public int semanticsVersion() {
    return 2;
  }

  @Override
  public Update update(Parameter parameter) {
    return new Adapted(parameter, this);
  }

  @Override
  public boolean findsRate() {
    return true;
  }

  @Override
  public boolean takesRatios() {
    return false;
  }

  @Override
  public Optional<Distance> distance() {
    return Optional.of(
        new Distance(initialDistance) {
          @Override
          double correction(int step) {
            return correctBias
                ? Math.sqrt(1 - Math.pow(beta2, step)) / (1 - Math.pow(beta1, step))
                : 1;
          }

          @Override
          double numerator(double before, double ofStep) {
            return Math.sqrt(beta2) * before + ofStep;
          }

          @Override
          double estimate(double sum, double denominator) {
            return coefficient * sum / denominator;
          }

          @Override
          double next(double before, double most, double found) {
            double now = before == initialDistance ? Math.max(before, found) : before;
            return growth == 0 ? most : Math.min(most, now * growth);
          }
        });
  }

  private static final class Adapted implements Update {
    private final Parameter parameter;
    private final Prodigy settings;
    private final OptimizerState state;

    /** Null until something was measured. */
    private Distance distance;

    private Adapted(Parameter parameter, Prodigy settings) {
      this.parameter = parameter;
      this.settings = settings;
      this.state = new OptimizerState(4 * parameter.size());
    }

    private Tensor part(Backend backend, int index) {
      return state.part(backend, index * parameter.size(), parameter.value().shape());
    }

    @Override
    public void measure(Backend backend, double scale, Distance together) {
      distance = together;
      Tensor start = part(backend, 1);
      if (state.steps() == 0) {
        backend.copy(parameter.value(), start);
      }
      double d = distance.value();
      double delta = d / settings.initialDistance * distance.rate();
      float beta1 = (float) settings.beta1;
      float beta2 = (float) settings.beta2;
      float beta3 = (float) Math.sqrt(settings.beta2);
      float ofMean = (float) (d * (1 - settings.beta1));
      float ofSquare = (float) (d * d * (1 - settings.beta2));
      float ofSum = (float) (settings.safeguardWarmup ? d / settings.initialDistance * d : delta);
      double[] sums = new double[2];
      Slices.change(
          backend,
          1,
          parameter.var().gradient(),
          (from, count, g, out) -> {
            float[] s = out[0];
            float[] w0 = out[1];
            float[] m = out[2];
            float[] v = out[3];
            float[] w = out[4];
            for (int i = 0; i < count; i++) {
              sums[0] += g[i] * (w0[i] - w[i]);
              m[i] = beta1 * m[i] + ofMean * g[i];
              v[i] = beta2 * v[i] + ofSquare * g[i] * g[i];
              s[i] = beta3 * s[i] + ofSum * g[i];
              sums[1] += Math.abs(s[i]);
            }
          },
          part(backend, 0),
          start,
          part(backend, 2),
          part(backend, 3),
          parameter.value());
      distance.add(delta * sums[0], sums[1]);
    }

    @Override
    public void step(Backend backend, double scale, double decay, Scratch scratch) {
      if (distance == null || !distance.isMeasured()) {
        return;
      }
      state.advance();
      float rate = (float) distance.rate();
      float kept = (float) (1 - distance.rate() * decay);
      float least = (float) (distance.value() * settings.epsilon);
      Slices.change(
          backend,
          1,
          part(backend, 2),
          (from, count, m, out) -> {
            float[] w = out[0];
            float[] v = out[1];
            for (int i = 0; i < count; i++) {
              w[i] = w[i] * kept - rate * m[i] / ((float) Math.sqrt(v[i]) + least);
            }
          },
          parameter.value(),
          part(backend, 3));
    }

    @Override
    public OptimizerState state() {
      return state;
    }
  }
}
