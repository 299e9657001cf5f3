package org.peftsweep.optim;

import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.SingularValueDecomposition;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;

/**
 * The optimizer that PEFT pairs with LoRA-FA (arXiv:2308.03303): the gradient of B {@code [out,
 * rank]} is replaced by {@code (1/scale²)·G·(A·Aᵀ + 1e-8·I)⁻¹}, whose {@code scale·B·A} comes
 * closest to the gradient of the whole weight; then Adam with ε outside of the bias correction, and
 * decay after the step.
 *
 * <p>State: two floats a scalar, and {@code rank²} for the inverse, which holds as long as A is
 * frozen.
 */
public final class PreconditionedAdam implements Update {
  private static final double RIDGE = 1e-8;

  private final Parameter parameter;
  private final AdamW adam;
  private final Parameter a;
  private final double scale;
  private final int rank;
  private final OptimizerState state;

  private PreconditionedAdam(Parameter parameter, AdamW adam, Parameter a, double scale) {
    this.parameter = parameter;
    this.adam = adam;
    this.a = a;
    this.scale = scale;
    this.rank = a == null ? 0 : a.value().rows();
    this.state = new OptimizerState(2 * parameter.size() + (long) rank * rank);
  }

  /**
   * Returns the update of a B.
   *
   * @param a {@code [rank, in]}, frozen
   * @param scale of {@code B·A}
   */
  public static PreconditionedAdam ofB(Parameter b, AdamW adam, Parameter a, double scale) {
    return new PreconditionedAdam(b, adam, a, scale);
  }

  /** Returns the update of a parameter that is no B: the same without preconditioner. */
  public static PreconditionedAdam of(Parameter parameter, AdamW adam) {
    return new PreconditionedAdam(parameter, adam, null, 1);
  }

  @Override
  public void step(Backend backend, double rate, double decay, Scratch scratch) {
    int[] shape = parameter.value().shape();
    Tensor gradient = parameter.var().gradient();
    if (a != null) {
      Tensor inverse = state.part(backend, 2 * parameter.size(), rank, rank);
      if (state.steps() == 0) {
        writeInverse(backend, inverse);
      }
      Tensor closest = scratch.take(shape);
      backend.gemm(false, false, 1, gradient, inverse, 0, closest);
      gradient = closest;
    }
    int step = state.advance();
    double correction2 = 1 - Math.pow(adam.beta2(), step);
    Moments moments =
        new Moments(
            parameter.value(),
            gradient,
            state.part(backend, 0, shape),
            state.part(backend, parameter.size(), shape));
    scratch
        .adamSteps()
        .run(moments, adam.at(step, rate, adam.epsilon() / Math.sqrt(correction2), 0));
    if (decay != 0) {
      backend.scale((float) (1 - rate * decay), parameter.value(), parameter.value());
    }
  }

  private void writeInverse(Backend backend, Tensor inverse) {
    float[] values = new float[Math.toIntExact(a.size())];
    backend.read(a.value(), 0, values, 0, values.length);
    int in = values.length / rank;
    RealMatrix rows = new Array2DRowRealMatrix(rank, in);
    for (int i = 0; i < values.length; i++) {
      rows.setEntry(i / in, i % in, values[i]);
    }
    RealMatrix gram = rows.multiply(rows.transpose());
    for (int i = 0; i < rank; i++) {
      gram.addToEntry(i, i, RIDGE);
    }
    RealMatrix solved = new SingularValueDecomposition(gram).getSolver().getInverse();
    float[] scaled = new float[rank * rank];
    for (int i = 0; i < scaled.length; i++) {
      scaled[i] = (float) (solved.getEntry(i / rank, i % rank) / (scale * scale));
    }
    backend.write(scaled, 0, inverse, 0, scaled.length);
  }

  @Override
  public OptimizerState state() {
    return state;
  }
}
