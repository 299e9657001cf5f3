package org.peftsweep.optim;

import java.util.Arrays;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * Adafactor (Shazeer and Stern, arXiv:1804.04235, algorithms 4 and 5) as transformers has it: the
 * squares of a matrix's gradient are remembered as means of rows R and of columns C, {@code V ≈
 * R·C/mean(R)}, with a decay of {@code 1 − t^−power}; {@code U = g/√V}, cut at a root mean square
 * of {@code clipThreshold}; {@code w ← w·(1 − lr·decay) − lr·U}. A vector keeps all its squares.
 *
 * <p>With {@code relativeStep} the rate is {@code min(10⁻², 1/√t)} and learning rates do not count;
 * with {@code scaleParameter} the rate is that times {@code max(10⁻³, root mean square of w)}.
 *
 * <p>State: rows plus columns floats a matrix, one a scalar of a vector; with momentum one more a
 * scalar.
 *
 * @param decayPower above 0
 * @param clipThreshold above 0
 * @param momentum share of the update before, in [0, 1); 0 keeps none
 * @param scaleParameter whether a parameter's size scales its rate
 * @param relativeStep whether the rate is the paper's own
 */
@Id("adafactor")
public record Adafactor(
    double decayPower,
    double clipThreshold,
    double momentum,
    boolean scaleParameter,
    boolean relativeStep)
    implements Optimizer {
  private static final double LEAST_SQUARE = 1e-30;
  private static final double LEAST_SCALE = 1e-3;
  private static final double MOST_STEP = 1e-2;

  public Adafactor {
    Optimizers.requirePositive("decay-power", decayPower);
    Optimizers.requirePositive("clip-threshold", clipThreshold);
    Optimizers.requireFraction("momentum", momentum);
  }

  @Override
  public Update update(Parameter parameter) {
    return new Factored(parameter, this);
  }

  @Override
  public boolean findsRate() {
    return relativeStep;
  }

  private static final class Factored implements Update {
    private final Parameter parameter;
    private final Adafactor settings;
    private final boolean isVector;
    private final int rows;
    private final int columns;
    private final int kept;
    private final OptimizerState state;

    private Factored(Parameter parameter, Adafactor settings) {
      this.parameter = parameter;
      this.settings = settings;
      this.isVector = parameter.value().shape().length == 1;
      this.rows = parameter.value().rows();
      this.columns = parameter.value().columns();
      this.kept = isVector ? columns : rows + columns;
      this.state = new OptimizerState(kept + (settings.momentum > 0 ? parameter.size() : 0));
    }

    @Override
    public void step(Backend backend, double given, double decay, Scratch scratch) {
      int step = state.advance();
      double beta2 = 1 - Math.pow(step, -settings.decayPower);
      Tensor memory = state.part(backend, 0, kept);
      double[] means = means(backend, memory, beta2);
      double[] roots = roots(means);
      double rate =
          settings.relativeStep ? given * Math.min(MOST_STEP, 1 / Math.sqrt(step)) : given;
      double squares = preconditioned(backend, roots, scratch);
      double length = Math.sqrt(squares / parameter.size());
      double factor = rate / Math.max(1, length / settings.clipThreshold);
      move(backend, factor, rate, decay);
    }

    /** Returns the new means of squares: of rows, then of columns; a vector's own squares. */
    private double[] means(Backend backend, Tensor memory, double beta2) {
      double[] sums = new double[kept];
      Slices.change(
          backend,
          columns,
          parameter.var().gradient(),
          (from, count, g, out) -> {
            for (int i = 0; i < count; i++) {
              double square = (double) g[i] * g[i] + LEAST_SQUARE;
              int column = (from + i) % columns;
              if (isVector) {
                sums[column] += square;
              } else {
                sums[(from + i) / columns] += square / columns;
                sums[rows + column] += square / rows;
              }
            }
          });
      float[] values = new float[kept];
      backend.read(memory, 0, values, 0, kept);
      for (int i = 0; i < kept; i++) {
        sums[i] = beta2 * values[i] + (1 - beta2) * sums[i];
        values[i] = (float) sums[i];
      }
      backend.write(values, 0, memory, 0, kept);
      return sums;
    }

    /** Returns what a gradient is multiplied by, for its row and for its column. */
    private double[] roots(double[] means) {
      double ofRows = isVector ? 1 : Arrays.stream(means, 0, rows).average().orElse(1);
      double[] roots = new double[kept];
      for (int i = 0; i < kept; i++) {
        roots[i] = 1 / Math.sqrt(!isVector && i < rows ? means[i] / ofRows : means[i]);
      }
      return roots;
    }

    /** Puts g/√V in the gradient's place; returns the sum of its squares. */
    private double preconditioned(Backend backend, double[] roots, Scratch scratch) {
      double[] squares = new double[1];
      Slices.change(
          backend,
          columns,
          parameter.var().gradient(),
          (from, count, g, out) -> {
            for (int i = 0; i < count; i++) {
              int column = (from + i) % columns;
              double update =
                  isVector
                      ? g[i] * roots[column]
                      : g[i] * roots[(from + i) / columns] * roots[rows + column];
              squares[0] += update * update;
              out[0][i] = (float) update;
            }
          },
          parameter.var().gradient());
      return squares[0];
    }

    private void move(Backend backend, double factor, double rate, double decay) {
      double scale = settings.scaleParameter ? Math.max(LEAST_SCALE, size(backend)) : 1;
      float length = (float) (scale * factor);
      float kept = (float) (1 - scale * rate * decay);
      float mu = (float) settings.momentum;
      Tensor value = parameter.value();
      Tensor[] out =
          mu > 0
              ? new Tensor[] {value, state.part(backend, this.kept, value.shape())}
              : new Tensor[] {value};
      Slices.change(
          backend,
          1,
          parameter.var().gradient(),
          (from, count, u, changed) -> {
            for (int i = 0; i < count; i++) {
              float update = length * u[i];
              if (mu > 0) {
                update = mu * changed[1][i] + (1 - mu) * update;
                changed[1][i] = update;
              }
              changed[0][i] = changed[0][i] * kept - update;
            }
          },
          out);
    }

    /** The root mean square of the parameter. */
    private double size(Backend backend) {
      double[] squares = new double[1];
      Slices.change(
          backend,
          1,
          parameter.value(),
          (from, count, w, out) -> {
            for (int i = 0; i < count; i++) {
              squares[0] += (double) w[i] * w[i];
            }
          });
      return Math.sqrt(squares[0] / parameter.size());
    }

    @Override
    public OptimizerState state() {
      return state;
    }
  }
}
