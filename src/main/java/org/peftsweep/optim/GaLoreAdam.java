package org.peftsweep.optim;

import java.util.Locale;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * Adam in a low-rank subspace of the gradient (GaLore, Zhao et al., arXiv:2403.03507, §4): {@code R
 * = G·Pᵀ}, moments M and V of R, {@code W ← W − lr·scale·(√c₂/c₁)·(M/(√V + ε))·P}, then decay.
 *
 * <p>P holds the leading singular vectors of the gradient of every gap-th step. As in the reference
 * implementation M and V are neither reset nor turned when P changes, ε is not corrected for bias,
 * decay comes after the update.
 *
 * <p>Differs from the reference: each vector of P has its largest entry positive, so that results
 * do not depend on a library's choice of signs.
 *
 * <p>State for W {@code [m, n]}: M and V {@code max(m, n)·rank} floats each and P {@code min(m,
 * n)·rank} (the sides change places where a side is forced; {@link Side#BOTH}: {@code 2·rank² + (m
 * + n)·rank}).
 */
public final class GaLoreAdam implements Update {
  /** Which side of the gradient is projected. */
  public enum Side {
    /** The shorter; the right of a square one. */
    STD,
    /** The longer; the left of a square one. */
    REVERSE_STD,
    /** The rows. */
    LEFT,
    /** The columns. */
    RIGHT,
    /** Both, to a gradient of rank times rank. */
    BOTH;

    private boolean takesLeft(int rows, int columns) {
      return switch (this) {
        case STD -> rows < columns;
        case REVERSE_STD -> rows >= columns;
        case LEFT, BOTH -> true;
        case RIGHT -> false;
      };
    }

    private boolean takesRight(int rows, int columns) {
      return this == BOTH || !takesLeft(rows, columns);
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private final Parameter parameter;
  private final AdamW adam;
  private final int rank;
  private final int gap;
  private final float scale;
  private final int rows;
  private final int columns;
  private final boolean left;
  private final boolean right;
  private final OptimizerState state;

  /**
   * Makes the update of a matrix.
   *
   * @param rank of the subspace; the matrix's own where that is less
   * @param gap steps between two subspaces
   * @param scale on the update
   */
  public GaLoreAdam(Parameter parameter, AdamW adam, int rank, int gap, double scale, Side side) {
    this.parameter = parameter;
    this.adam = adam;
    this.rows = parameter.value().rows();
    this.columns = parameter.value().columns();
    this.rank = Math.min(rank, Math.min(rows, columns));
    this.gap = gap;
    this.scale = (float) scale;
    this.left = side.takesLeft(rows, columns);
    this.right = side.takesRight(rows, columns);
    this.state = new OptimizerState(2 * lowSize() + projectorSize());
  }

  @Override
  public void step(Backend backend, double rate, double decay, Scratch scratch) {
    Tensor weight = parameter.value().reshape(rows, columns);
    Tensor gradient = parameter.var().gradient().reshape(rows, columns);
    if (state.steps() % gap == 0) {
      refresh(backend, gradient);
    }
    int step = state.advance();
    Tensor both = scratch.take(Math.toIntExact(2 * Math.max(lowSize(), halfSize())));
    Tensor low = new Tensor(both.memory(), 0, lowRows(), lowColumns());
    project(backend, gradient, both, low);
    // The gradient has served: its memory takes the update in the subspace.
    Tensor change = new Tensor(gradient.memory(), gradient.offset(), lowRows(), lowColumns());
    backend.fill(change, 0);
    double correction2 = 1 - Math.pow(adam.beta2(), step);
    Moments moments =
        new Moments(
            change,
            low,
            state.part(backend, 0, lowRows(), lowColumns()),
            state.part(backend, lowSize(), lowRows(), lowColumns()));
    scratch
        .adamSteps()
        .run(moments, adam.at(step, rate, adam.epsilon() / Math.sqrt(correction2), 0));
    addBack(backend, change, both, weight);
    if (decay != 0) {
      backend.scale((float) (1 - rate * decay), weight, weight);
    }
  }

  @Override
  public OptimizerState state() {
    return state;
  }

  /** Returns the vectors by which it projects rows, {@code [m, rank]}; null where it does not. */
  Tensor leftProjector(Backend backend) {
    return left ? state.part(backend, 2 * lowSize(), rows, rank) : null;
  }

  /** Returns the vectors by which it projects columns, {@code [rank, n]}; null where not. */
  Tensor rightProjector(Backend backend) {
    long offset = 2 * lowSize() + (left ? (long) rows * rank : 0);
    return right ? state.part(backend, offset, rank, columns) : null;
  }

  private void project(Backend backend, Tensor gradient, Tensor both, Tensor low) {
    if (left && right) {
      Tensor half = new Tensor(both.memory(), halfSize(), rank, columns);
      backend.gemm(true, false, 1, leftProjector(backend), gradient, 0, half);
      backend.gemm(false, true, 1, half, rightProjector(backend), 0, low);
    } else if (left) {
      backend.gemm(true, false, 1, leftProjector(backend), gradient, 0, low);
    } else {
      backend.gemm(false, true, 1, gradient, rightProjector(backend), 0, low);
    }
  }

  private void addBack(Backend backend, Tensor change, Tensor both, Tensor weight) {
    if (left && right) {
      Tensor half = new Tensor(both.memory(), 0, rank, columns);
      backend.gemm(false, false, 1, change, rightProjector(backend), 0, half);
      backend.gemm(false, false, scale, leftProjector(backend), half, 1, weight);
    } else if (left) {
      backend.gemm(false, false, scale, leftProjector(backend), change, 1, weight);
    } else {
      backend.gemm(false, false, scale, change, rightProjector(backend), 1, weight);
    }
  }

  private void refresh(Backend backend, Tensor gradient) {
    float[] values = new float[rows * columns];
    backend.read(gradient, 0, values, 0, values.length);
    double[] exact = new double[values.length];
    for (int i = 0; i < exact.length; i++) {
      exact[i] = values[i];
    }
    SingularVectors vectors = SingularVectors.of(exact, rows, columns, rank);
    if (left) {
      backend.write(vectors.left(), 0, leftProjector(backend), 0, rows * rank);
    }
    if (right) {
      backend.write(vectors.right(), 0, rightProjector(backend), 0, rank * columns);
    }
  }

  private int lowRows() {
    return left ? rank : rows;
  }

  private int lowColumns() {
    return right ? rank : columns;
  }

  private long lowSize() {
    return (long) lowRows() * lowColumns();
  }

  private long halfSize() {
    return left && right ? (long) rank * columns : 0;
  }

  private long projectorSize() {
    return (left ? (long) rows * rank : 0) + (right ? (long) rank * columns : 0);
  }
}
