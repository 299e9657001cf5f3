package org.peftsweep.optim;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Lapack;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * SOAP (Vyas et al., arXiv:2409.11321, algorithm 3): Adam in the eigenbases of Shampoo's factors
 * {@code L ← β₂L + (1 − β₂)G·Gᵀ} and {@code R ← β₂R + (1 − β₂)Gᵀ·G}. {@code G′ = QₗᵀG·Qᵣ}, m and v
 * of G′, {@code W ← W − lr·(√c₂/c₁)·Qₗ(m/(√v + ε))Qᵣᵀ}, then decay. The bases are found from the
 * first gradient, which moves nothing, and follow every {@code preconditionEvery} steps by a power
 * iteration and QR; m turns with them.
 *
 * <p>As in the authors' code vectors (here matrices of one row or one column too) are Adam's, their
 * first gradient moves nothing either, and v is sorted with its basis but not turned. A side of a
 * matrix above {@code mostSide} keeps the axes.
 *
 * <p>State: {@code 2·(rows² + columns² + rows·columns)} floats a matrix.
 *
 * @param beta1 decay of the mean of gradients, in [0, 1)
 * @param beta2 decay of the means of squares, in [0, 1)
 * @param epsilon added after the root, above 0
 * @param preconditionEvery steps between two bases, at least 1
 * @param mostSide of a matrix that has a basis
 */
@Id("soap")
public record SOAP(double beta1, double beta2, double epsilon, int preconditionEvery, int mostSide)
    implements Optimizer {
  public SOAP {
    Optimizers.requireFraction("beta1", beta1);
    Optimizers.requireFraction("beta2", beta2);
    Optimizers.requirePositive("epsilon", epsilon);
    Optimizers.requireAtLeast("precondition-every", preconditionEvery, 1);
    Optimizers.requireAtLeast("most-side", mostSide, 1);
  }

  /** A matrix of one row or one column counts as a vector. */
  @Override
  public int semanticsVersion() {
    return 2;
  }

  @Override
  public Update update(Parameter parameter) {
    return new Rotated(parameter, this);
  }

  /** One side of a matrix: its factor and basis, a square each in the state. */
  private record Side(int size, long factor, long basis) {}

  private static final class Rotated implements Update {
    private final Parameter parameter;
    private final SOAP settings;
    private final int rows;
    private final int columns;

    /** Null where a side keeps its axes. */
    private final Side left;

    private final Side right;
    private final OptimizerState state;

    private Rotated(Parameter parameter, SOAP settings) {
      this.parameter = parameter;
      this.settings = settings;
      this.rows = parameter.value().rows();
      this.columns = parameter.value().columns();
      boolean isVector = !Optimizers.isMatrix(parameter);
      long floats = 2 * parameter.size();
      this.left = isVector || rows > settings.mostSide ? null : side(rows, floats);
      floats += left == null ? 0 : 2L * rows * rows;
      this.right = isVector || columns > settings.mostSide ? null : side(columns, floats);
      floats += right == null ? 0 : 2L * columns * columns;
      this.state = new OptimizerState(floats);
    }

    private static Side side(int size, long at) {
      return new Side(size, at, at + (long) size * size);
    }

    private Tensor mean(Backend backend) {
      return state.part(backend, 0, rows, columns);
    }

    private Tensor squares(Backend backend) {
      return state.part(backend, parameter.size(), rows, columns);
    }

    private Tensor square(Backend backend, Side side, long at) {
      return state.part(backend, at, side.size, side.size);
    }

    @Override
    public void step(Backend backend, double rate, double decay, Scratch scratch) {
      Tensor gradient = parameter.var().gradient().reshape(rows, columns);
      int step = state.advance() - 1;
      if (step == 0) {
        follow(backend, gradient);
        setBasis(backend, left);
        setBasis(backend, right);
        return;
      }
      long size = parameter.size();
      Tensor all = scratch.take(Math.toIntExact(3 * size));
      Tensor[] work = new Tensor[3];
      Arrays.setAll(work, i -> new Tensor(all.memory(), i * size, rows, columns));
      direction(backend, turned(backend, gradient, true, work), work[2]);
      double correction2 = 1 - Math.pow(settings.beta2, step);
      double length = rate * Math.sqrt(correction2) / (1 - Math.pow(settings.beta1, step));
      Tensor value = parameter.value().reshape(rows, columns);
      backend.addScaled((float) -length, turned(backend, work[2], false, work), value);
      if (decay != 0) {
        backend.scale((float) (1 - rate * decay), value, value);
      }
      follow(backend, gradient);
      if (step % settings.preconditionEvery == 0 && (left != null || right != null)) {
        backend.copy(turned(backend, mean(backend), false, work), work[2]);
        refresh(backend, left, true);
        refresh(backend, right, false);
        backend.copy(turned(backend, work[2], true, work), mean(backend));
      }
    }

    /**
     * Returns a matrix in the bases, or back from them: itself, or in the first two of the working
     * tensors.
     */
    private Tensor turned(Backend backend, Tensor x, boolean forth, Tensor[] work) {
      Tensor y = x;
      if (left != null) {
        backend.gemm(forth, false, 1, square(backend, left, left.basis), y, 0, work[0]);
        y = work[0];
      }
      if (right != null) {
        backend.gemm(false, !forth, 1, y, square(backend, right, right.basis), 0, work[1]);
        y = work[1];
      }
      return y;
    }

    /** Adds the gradient to both factors. */
    private void follow(Backend backend, Tensor gradient) {
      float beta = (float) settings.beta2;
      if (left != null) {
        Tensor factor = square(backend, left, left.factor);
        backend.gemm(false, true, 1 - beta, gradient, gradient, beta, factor);
      }
      if (right != null) {
        Tensor factor = square(backend, right, right.factor);
        backend.gemm(true, false, 1 - beta, gradient, gradient, beta, factor);
      }
    }

    private void setBasis(Backend backend, Side side) {
      if (side != null) {
        double[] factor = read(backend, square(backend, side, side.factor));
        write(
            backend,
            SingularVectors.orthonormalLeft(factor, side.size),
            square(backend, side, side.basis));
      }
    }

    private void refresh(Backend backend, Side side, boolean isOfRows) {
      if (side == null) {
        return;
      }
      int n = side.size;
      double[] basis = read(backend, square(backend, side, side.basis));
      double[] factor = read(backend, square(backend, side, side.factor));
      double[] moved = Lapack.product(false, factor, basis, n, n, n);
      double[] estimates = new double[n];
      for (int i = 0; i < n * n; i++) {
        estimates[i % n] += basis[i] * moved[i];
      }
      int[] order =
          IntStream.range(0, n)
              .boxed()
              .sorted(Comparator.comparingDouble(i -> -estimates[i]))
              .mapToInt(Integer::intValue)
              .toArray();
      double[] sorted = new double[n * n];
      for (int i = 0; i < n * n; i++) {
        sorted[i] = moved[i / n * n + order[i % n]];
      }
      if (Arrays.stream(sorted).anyMatch(value -> value != 0)) {
        write(backend, Lapack.orthonormal(sorted, n, n), square(backend, side, side.basis));
      }
      float[] v = new float[rows * columns];
      backend.read(squares(backend), 0, v, 0, v.length);
      float[] inOrder = new float[v.length];
      for (int i = 0; i < v.length; i++) {
        int row = i / columns;
        int column = i % columns;
        inOrder[i] = isOfRows ? v[order[row] * columns + column] : v[row * columns + order[column]];
      }
      backend.write(inOrder, 0, squares(backend), 0, v.length);
    }

    private static double[] read(Backend backend, Tensor tensor) {
      float[] values = new float[Math.toIntExact(tensor.size())];
      backend.read(tensor, 0, values, 0, values.length);
      double[] exact = new double[values.length];
      for (int i = 0; i < exact.length; i++) {
        exact[i] = values[i];
      }
      return exact;
    }

    private static void write(Backend backend, double[] values, Tensor to) {
      float[] rounded = new float[values.length];
      for (int i = 0; i < rounded.length; i++) {
        rounded[i] = (float) values[i];
      }
      backend.write(rounded, 0, to, 0, rounded.length);
    }

    private void direction(Backend backend, Tensor inner, Tensor direction) {
      float beta1 = (float) settings.beta1;
      float beta2 = (float) settings.beta2;
      float epsilon = (float) settings.epsilon;
      Slices.change(
          backend,
          1,
          inner,
          (from, count, g, out) -> {
            float[] m = out[0];
            float[] v = out[1];
            for (int i = 0; i < count; i++) {
              m[i] = beta1 * m[i] + (1 - beta1) * g[i];
              v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
              out[2][i] = m[i] / ((float) Math.sqrt(v[i]) + epsilon);
            }
          },
          mean(backend),
          squares(backend),
          direction);
    }

    @Override
    public OptimizerState state() {
      return state;
    }
  }
}
