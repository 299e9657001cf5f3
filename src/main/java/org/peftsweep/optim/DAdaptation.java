package org.peftsweep.optim;

import java.util.Optional;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * D-Adaptation of Adam (Defazio and Mishchenko, arXiv:2301.07733, algorithm 5): Adam whose step
 * size is an estimate d of the distance from the start to the solution. With {@code δ = d·γ}, γ the
 * schedule's factor, and r a parameter's ratio: {@code num ← √β₂·num + (1 − √β₂)·Σ r·δ·⟨g, s/(√v +
 * ε)⟩}, {@code s ← √β₂·s + (1 − √β₂)·δ·g}, {@code d ← max(d, num/((1 − √β₂)·Σ r·‖s‖₁))}; {@code m ←
 * β₁m + (1 − β₁)·r·δ·g}, {@code v ← β₂v + (1 − β₂)g²}, {@code w ← w·(1 − δ·decay) − m/(√v + ε)}.
 *
 * <p>As in the authors' code v in num is that before the step, and δ by the d before it. Learning
 * rates do not count; ratios between them do, as the code's scale of layers. Decay is decoupled,
 * which is off by default there.
 *
 * <p>State: three floats a trained scalar.
 *
 * @param beta1 decay of the mean of gradients, in [0, 1)
 * @param beta2 decay of the mean of their squares, in (0, 1)
 * @param epsilon added after the root, above 0
 * @param initialDistance d at first, above 0
 * @param growth most by which the estimate grows in a step, 0 for no bound
 */
@Id("dadaptation")
public record DAdaptation(
    double beta1, double beta2, double epsilon, double initialDistance, double growth)
    implements Optimizer {
  public DAdaptation {
    Optimizers.requireFraction("beta1", beta1);
    Optimizers.requireFraction("beta2", beta2);
    Optimizers.requirePositive("beta2", beta2);
    Optimizers.requirePositive("epsilon", epsilon);
    Optimizers.requirePositive("initial-distance", initialDistance);
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
  public Optional<Distance> distance() {
    double root = Math.sqrt(beta2);
    return Optional.of(
        new Distance(initialDistance) {
          @Override
          double correction(int step) {
            return 1;
          }

          @Override
          double numerator(double before, double ofStep) {
            return root * before + (1 - root) * ofStep;
          }

          @Override
          double estimate(double sum, double denominator) {
            return sum / ((1 - root) * denominator);
          }

          @Override
          double next(double before, double most, double found) {
            return Math.max(before, growth == 0 ? found : Math.min(found, before * growth));
          }
        });
  }

  private static final class Adapted implements Update {
    private final Parameter parameter;
    private final DAdaptation settings;
    private final OptimizerState state;

    /** Null until something was measured. */
    private Distance distance;

    private Adapted(Parameter parameter, DAdaptation settings) {
      this.parameter = parameter;
      this.settings = settings;
      this.state = new OptimizerState(3 * parameter.size());
    }

    private Tensor part(Backend backend, int index) {
      return state.part(backend, index * parameter.size(), parameter.value().shape());
    }

    @Override
    public void measure(Backend backend, double scale, Distance together) {
      distance = together;
      double delta = distance.rate();
      double root = Math.sqrt(settings.beta2);
      float beta1 = (float) settings.beta1;
      float beta2 = (float) settings.beta2;
      float ofMean = (float) (scale * delta * (1 - settings.beta1));
      float ofSum = (float) (delta * (1 - root));
      double[] sums = new double[2];
      Slices.change(
          backend,
          1,
          parameter.var().gradient(),
          (from, count, g, out) -> {
            float[] s = out[0];
            float[] m = out[1];
            float[] v = out[2];
            for (int i = 0; i < count; i++) {
              sums[0] += g[i] * (s[i] / (Math.sqrt(v[i]) + settings.epsilon));
              m[i] = beta1 * m[i] + ofMean * g[i];
              v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
              s[i] = (float) root * s[i] + ofSum * g[i];
              sums[1] += Math.abs(s[i]);
            }
          },
          part(backend, 0),
          part(backend, 1),
          part(backend, 2));
      distance.add(scale * delta * sums[0], scale * sums[1]);
    }

    @Override
    public void step(Backend backend, double scale, double decay, Scratch scratch) {
      if (distance == null || !distance.isMeasured()) {
        return;
      }
      state.advance();
      float kept = (float) (1 - distance.rate() * decay);
      float epsilon = (float) settings.epsilon;
      Slices.change(
          backend,
          1,
          part(backend, 1),
          (from, count, m, out) -> {
            float[] w = out[0];
            float[] v = out[1];
            for (int i = 0; i < count; i++) {
              w[i] = w[i] * kept - m[i] / ((float) Math.sqrt(v[i]) + epsilon);
            }
          },
          parameter.value(),
          part(backend, 2));
    }

    @Override
    public OptimizerState state() {
      return state;
    }
  }
}
