package org.peftsweep.optim;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * SM3-II (Anil et al., arXiv:1901.11150, algorithm SM3-II): Adagrad whose sums of squares are kept
 * as one maximum a row and one a column. {@code ν = min(row, column) + g²}, {@code u = g/√(ν + ε)},
 * {@code w ← w − lr·((1 − μ)u + μ·u₋₁)}, then decay; a row's and a column's maximum are those of ν.
 * A vector keeps all its sums.
 *
 * <p>State: rows plus columns floats a matrix, and with momentum one float a trained scalar.
 *
 * @param momentum μ, share of the update before, in [0, 1)
 * @param epsilon added before the root, above 0
 */
@Id("sm3")
public record SM3(double momentum, double epsilon) implements Optimizer {
  public SM3 {
    Optimizers.requireFraction("momentum", momentum);
    Optimizers.requirePositive("epsilon", epsilon);
  }

  @Override
  public Update update(Parameter parameter) {
    return new Covered(parameter, this);
  }

  private static final class Covered implements Update {
    private final Parameter parameter;
    private final float momentum;
    private final double epsilon;
    private final int rows;
    private final int columns;
    private final OptimizerState state;

    private Covered(Parameter parameter, SM3 settings) {
      this.parameter = parameter;
      this.momentum = (float) settings.momentum;
      this.epsilon = settings.epsilon;
      boolean isVector = parameter.value().shape().length == 1;
      this.rows = isVector ? 0 : parameter.value().rows();
      this.columns = parameter.value().columns();
      this.state = new OptimizerState(rows + columns + (momentum > 0 ? parameter.size() : 0));
    }

    @Override
    public void step(Backend backend, double rate, double decay, Scratch scratch) {
      int[] shape = parameter.value().shape();
      Tensor kept = state.part(backend, 0, rows + columns);
      float[] sums = new float[rows + columns];
      backend.read(kept, 0, sums, 0, sums.length);
      float[] next = rows == 0 ? sums : new float[sums.length];
      Tensor[] out = {parameter.value()};
      if (momentum > 0) {
        out = new Tensor[] {parameter.value(), state.part(backend, rows + columns, shape)};
      }
      state.advance();
      Slices.change(
          backend,
          columns,
          parameter.var().gradient(),
          (from, count, g, changed) -> {
            for (int i = 0; i < count; i++) {
              float update = g[i] * scale(from + i, g[i], sums, next);
              if (momentum > 0) {
                update = (1 - momentum) * update + momentum * changed[1][i];
                changed[1][i] = update;
              }
              float moved = changed[0][i] - (float) rate * update;
              changed[0][i] = moved - (float) (rate * decay) * moved;
            }
          },
          out);
      backend.write(next, 0, kept, 0, next.length);
    }

    /** Returns {@code 1/√(ν + ε)} of the scalar at a place, and covers ν in the next sums. */
    private float scale(int place, float gradient, float[] sums, float[] next) {
      int column = rows + place % columns;
      float covered = sums[column];
      if (rows > 0) {
        covered = Math.min(covered, sums[place / columns]);
      }
      float sum = covered + gradient * gradient;
      next[column] = Math.max(next[column], sum);
      if (rows > 0) {
        next[place / columns] = Math.max(next[place / columns], sum);
      }
      return (float) (1 / Math.sqrt(sum + epsilon));
    }

    @Override
    public OptimizerState state() {
      return state;
    }
  }
}
