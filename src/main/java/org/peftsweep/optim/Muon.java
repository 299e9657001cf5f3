package org.peftsweep.optim;

import java.util.List;
import org.peftsweep.compute.BFloat16;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

/**
 * Muon (Jordan et al., 2024, "Muon: An optimizer for hidden layers in neural networks"): momentum
 * whose singular values are all brought near 1. {@code M ← μM + (1 − μ)g}, {@code U = (1 − μ)g +
 * μM}, {@code W ← W·(1 − lr·decay) − lr·√max(1, rows/columns)·NS(U)}, where NS iterates {@code X ←
 * aX + (bA + cA²)X} with {@code A = X·Xᵀ} from {@code U/‖U‖}, (a, b, c) = (3.4445, −4.7750,
 * 2.0315).
 *
 * <p>Vectors, embeddings and the head take AdamW at a rate of their own, as the authors say. The
 * iteration is in 32-bit floats, or rounded to bfloat16 after each operation as in the authors'
 * code.
 *
 * <p>State: one float a scalar of a matrix, two a scalar of the rest.
 *
 * @param momentum μ, in [0, 1)
 * @param newtonSchulzSteps of the iteration, at least 1
 * @param halfPrecision whether each result of the iteration is rounded to bfloat16
 * @param adamRatio rate of AdamW over the rate of matrices, above 0
 * @param beta1 of AdamW
 * @param beta2 of AdamW
 * @param epsilon of AdamW
 */
@Id("muon")
public record Muon(
    double momentum,
    int newtonSchulzSteps,
    boolean halfPrecision,
    double adamRatio,
    double beta1,
    double beta2,
    double epsilon)
    implements Optimizer {
  private static final float A = 3.4445f;
  private static final float B = -4.7750f;
  private static final float C = 2.0315f;

  /** Floats before the first matrix: room for one norm, and then a whole vector's place. */
  private static final int FIRST = 16;

  public Muon {
    Optimizers.requireFraction("momentum", momentum);
    if (newtonSchulzSteps < 1 || newtonSchulzSteps > 100) {
      throw new IllegalArgumentException(
          "Cannot use newton-schulz-steps = " + newtonSchulzSteps + ": give 1 to 100");
    }
    Optimizers.requirePositive("adam-ratio", adamRatio);
    Optimizers.requireFraction("beta1", beta1);
    Optimizers.requireFraction("beta2", beta2);
    Optimizers.requirePositive("epsilon", epsilon);
  }

  @Override
  public Update update(Parameter parameter) {
    boolean isMatrix =
        Optimizers.isMatrix(parameter)
            && parameter.role() != Role.HEAD
            && parameter.role() != Role.EMBEDDING;
    if (isMatrix) {
      return new Orthogonal(parameter, this);
    }
    Update adam = new AdamW(beta1, beta2, epsilon).update(parameter);
    return new Update() {
      @Override
      public void step(Backend backend, double rate, double decay, Scratch scratch) {
        adam.step(backend, adamRatio * rate, decay, scratch);
      }

      @Override
      public OptimizerState state() {
        return adam.state();
      }
    };
  }

  private static final class Orthogonal implements Update {
    private final Parameter parameter;
    private final Muon settings;
    private final int rows;
    private final int columns;
    private final OptimizerState state;

    private Orthogonal(Parameter parameter, Muon settings) {
      this.parameter = parameter;
      this.settings = settings;
      this.rows = parameter.value().rows();
      this.columns = parameter.value().columns();
      this.state = new OptimizerState(parameter.size());
    }

    @Override
    public void step(Backend backend, double rate, double decay, Scratch scratch) {
      Tensor gradient = parameter.var().gradient().reshape(rows, columns);
      Tensor value = parameter.value().reshape(rows, columns);
      Tensor momentum = state.part(backend, 0, rows, columns);
      float mu = (float) settings.momentum;
      state.advance();
      backend.scale(mu, momentum, momentum);
      backend.addScaled(1 - mu, gradient, momentum);
      // The gradient has served: its memory takes the direction.
      backend.scale(1 - mu, gradient, gradient);
      backend.addScaled(mu, momentum, gradient);
      Tensor direction = orthogonal(backend, gradient, scratch);
      if (decay != 0) {
        backend.scale((float) (1 - rate * decay), value, value);
      }
      backend.addScaled((float) -rate, direction, value);
    }

    private Tensor orthogonal(Backend backend, Tensor x, Scratch scratch) {
      int side = Math.min(rows, columns);
      boolean isTall = rows > columns;
      long square = (long) side * side;
      long size = parameter.size();
      Tensor all = scratch.take(Math.toIntExact(FIRST + 2 * square + 2 * size));
      Tensor norm = new Tensor(ElementType.F64, all.memory(), 0, 1);
      Tensor gram = new Tensor(all.memory(), FIRST, side, side);
      Tensor both = new Tensor(all.memory(), FIRST + square, side, side);
      Tensor next = new Tensor(all.memory(), FIRST + 2 * square, rows, columns);
      // Free until the product with x.
      Tensor scaled = new Tensor(all.memory(), FIRST + 2 * square, side, side);
      // The rounded numbers' place, over the second half of the memory for the largest of them.
      long place = 2 * (FIRST + 2 * square + size);
      Tensor half =
          settings.halfPrecision
              ? new Tensor(ElementType.BF16, all.memory(), place, rows, columns)
              : null;
      normalise(backend, x, norm, half);
      for (int i = 0; i < settings.newtonSchulzSteps; i++) {
        backend.gemm(isTall, !isTall, 1, x, x, 0, gram);
        round(backend, gram, half);
        backend.scale(C, gram, scaled);
        round(backend, scaled, half);
        backend.gemm(false, false, 1, scaled, gram, 0, both);
        round(backend, both, half);
        backend.scale(B, gram, gram);
        round(backend, gram, half);
        backend.addScaled(1, gram, both);
        round(backend, both, half);
        if (isTall) {
          backend.gemm(false, false, 1, x, both, 0, next);
        } else {
          backend.gemm(false, false, 1, both, x, 0, next);
        }
        round(backend, next, half);
        backend.scale(A, x, x);
        round(backend, x, half);
        backend.addScaled(1, next, x);
        round(backend, x, half);
      }
      if (rows > columns) {
        backend.scale((float) Math.sqrt(rows / (double) columns), x, x);
        round(backend, x, half);
      }
      return x;
    }

    private static void normalise(Backend backend, Tensor x, Tensor norm, Tensor half) {
      if (half == null) {
        backend.normalise(x, 1, norm);
        return;
      }
      round(backend, x, half);
      backend.clip(List.of(x), 0, norm);
      float length = BFloat16.toFloat(BFloat16.of((float) backend.numbers(norm)[0]));
      backend.scale(length == 0 ? 0 : 1 / length, x, x);
      round(backend, x, half);
    }

    /** Rounds values to bfloat16 in place; without memory for that it leaves them. */
    private static void round(Backend backend, Tensor x, Tensor half) {
      if (half != null) {
        Tensor rounded = new Tensor(ElementType.BF16, half.memory(), half.offset(), x.shape());
        backend.copy(x, rounded);
        backend.copy(rounded, x);
      }
    }

    @Override
    public OptimizerState state() {
      return state;
    }
  }
}
