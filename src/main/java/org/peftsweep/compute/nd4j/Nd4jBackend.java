package org.peftsweep.compute.nd4j;

import java.util.Arrays;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.ops.transforms.Transforms;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Allocations;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Processor;
import org.peftsweep.compute.Products;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.Tensor;

/**
 * Every kernel through ND4J operations, on whichever ND4J platform is on the class path.
 *
 * <p>Results go to preallocated tensors; intermediate values to scratch memory of this instance
 * that grows to the largest call and stays. Attention keeps its weights there, {@code
 * batch·heads·tokens²} floats three times over, and computes them again on the way back.
 */
public final class Nd4jBackend implements Backend {
  /** Floats that the optimiser's kernels work on at a time, so that their passes stay in cache. */
  private static final int CHUNK = 1 << 18;

  private static final int PARTIAL_SUM = 32;

  private final Allocations allocations = new Allocations();
  private final Views views = new Views();
  private final Activations activations = new Activations(views);
  private final Norms norms = new Norms(views);
  private final Attention attention = new Attention(activations, views);
  private final Halves halves = new Halves(views);
  private final Rows rows = new Rows(this, views, halves);

  /**
   * Opens the backend.
   *
   * @param threads processor threads of each operation; ND4J has one such setting per process, so
   *     the instance opened last decides for all
   */
  public Nd4jBackend(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException(
          "Cannot run nd4j on " + threads + " threads: give at least 1");
    }
    if (Nd4jMemory.isOnProcessor()) {
      Nd4j.getEnvironment().setMaxThreads(threads);
      Nd4j.getEnvironment().setMaxMasterThreads(threads);
      Nd4j.factory().blas().setMaxThreads(threads);
    }
  }

  @Override
  public String name() {
    return "nd4j";
  }

  @Override
  public String device() {
    return Nd4jMemory.isOnProcessor()
        ? Processor.model()
        : "gpu " + Nd4j.getAffinityManager().getDeviceForCurrentThread();
  }

  // ---- memory

  @Override
  public Memory allocate(long floats) {
    return allocations.add(new Nd4jMemory(floats));
  }

  @Override
  public Memory allocateShared(long floats) {
    return new Nd4jMemory(floats);
  }

  @Override
  public Allocations allocations() {
    return allocations;
  }

  @Override
  public void free(Memory memory) {
    allocations.remove(memory);
    views.free((Nd4jMemory) memory);
  }

  @Override
  public void write(float[] source, int sourceOffset, Tensor target, long targetOffset, int count) {
    if (Halves.isHalf(target)) {
      Halves.write(source, sourceOffset, target, targetOffset, count);
    } else {
      Views.memory(target).write(source, sourceOffset, target.offset() + targetOffset, count);
    }
  }

  @Override
  public void read(Tensor source, long sourceOffset, float[] target, int targetOffset, int count) {
    if (Halves.isHalf(source)) {
      Halves.read(source, sourceOffset, target, targetOffset, count);
    } else {
      Views.memory(source).read(source.offset() + sourceOffset, target, targetOffset, count);
    }
  }

  @Override
  public void write(int[] source, Tensor target) {
    Bits.write(target, source);
  }

  @Override
  public void write(long[] source, Tensor target) {
    Bits.write(target, source);
  }

  @Override
  public double[] numbers(Tensor source) {
    return Bits.numbers(source);
  }

  @Override
  public void fill(Tensor x, float value) {
    if (x.type() == ElementType.F64) {
      double[] values = new double[Math.toIntExact(x.size())];
      Arrays.fill(values, value);
      Bits.write(x, values);
    } else {
      views.flat(x).assign(value);
    }
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    if (Halves.isHalf(to)) {
      Halves.copy(from, to);
    } else {
      views.flat(to).assign(views.flat(halves.widened(from)));
    }
  }

  // ---- products

  @Override
  public Products products(ElementType factors) {
    if (factors != ElementType.F32) {
      throw new BackendUnavailableException(
          "Cannot compute products in " + factors + " on nd4j: choose the backend cpu");
    }
    return this;
  }

  @Override
  public void gemm(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c) {
    Ops.matmul(
        transposeA,
        transposeB,
        alpha,
        views.matrix(a),
        views.matrix(halves.widened(b)),
        beta,
        views.matrix(c));
  }

  @Override
  public void gemm(boolean transposeW, Tensor a, QuantisedMatrix w, float beta, Tensor c) {
    gemm(false, transposeW, 1, a, halves.widened(w, this), beta, c);
  }

  /** ND4J chooses kernels by the sizes of a product. */
  @Override
  public boolean sumsRowsAlike(int rows, int columns, int inner) {
    return false;
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor bias, Tensor y) {
    gemm(false, true, 1, x, w, 0, y);
    if (bias != null) {
      addRow(y, bias, y);
    }
  }

  // ---- elementwise

  @Override
  public void addScaled(float alpha, Tensor x, Tensor y) {
    Ops.axpy(alpha, views.flat(x), views.flat(y));
  }

  @Override
  public void scale(float alpha, Tensor x, Tensor y) {
    views.flat(x).muli(alpha, views.flat(y));
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor y) {
    Ops.multiply(views.flat(a), views.flat(b), views.flat(y));
  }

  @Override
  public void reciprocal(Tensor x, Tensor y) {
    Ops.reciprocal(views.flat(x), views.flat(y));
  }

  @Override
  public void tanh(Tensor x, Tensor y) {
    Ops.tanh(views.flat(x), views.flat(y));
  }

  @Override
  public void tanhBackward(Tensor y, Tensor dy, Tensor dx) {
    activations.tanhBackward(y, dy, dx);
  }

  @Override
  public void gelu(Tensor x, Tensor bias, Tensor y) {
    activations.gelu(x, bias, y);
  }

  @Override
  public void geluBackward(Tensor x, Tensor bias, Tensor dy, Tensor dx) {
    activations.geluBackward(x, bias, dy, dx);
  }

  @Override
  public void swiglu(Tensor gate, Tensor up, Tensor y) {
    activations.swiglu(gate, up, y);
  }

  @Override
  public void swigluBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) {
    activations.swigluBackward(gate, up, dy, dGate, dUp);
  }

  @Override
  public void dropout(Tensor x, float p, Tensor seed, Tensor y) {
    activations.dropout(x, p, Bits.seed(seed), y);
  }

  // ---- rows and columns

  @Override
  public void addRow(Tensor x, Tensor v, Tensor y) {
    Ops.add(views.matrix(x), views.row(v), views.matrix(y));
  }

  @Override
  public void multiplyRow(Tensor x, Tensor v, Tensor y) {
    Ops.multiply(views.matrix(x), views.row(v), views.matrix(y));
  }

  @Override
  public void multiplyColumn(Tensor x, Tensor v, Tensor y) {
    Ops.multiply(views.matrix(x), views.column(v), views.matrix(y));
  }

  @Override
  public void sumRows(Tensor x, float beta, Tensor out) {
    Ops.matmul(false, false, 1, views.ones(1, x.rows()), views.matrix(x), beta, views.row(out));
  }

  @Override
  public void dotRows(Tensor x, Tensor y, float beta, Tensor out) {
    INDArray product = product(x, y);
    Ops.matmul(false, false, 1, views.ones(1, x.rows()), product, beta, views.row(out));
  }

  @Override
  public void dotColumns(Tensor x, Tensor y, float beta, Tensor out) {
    INDArray product = product(x, y);
    Ops.matmul(false, false, 1, product, views.ones(x.columns(), 1), beta, views.column(out));
  }

  @Override
  public void rowNorms(Tensor x, Tensor out) {
    Tensor wide = halves.widened(x);
    dotColumns(wide, wide, 0, out);
    Transforms.sqrt(views.flat(out), false);
  }

  private INDArray product(Tensor x, Tensor y) {
    INDArray product = views.scratch(0, x.rows(), x.columns());
    Ops.multiply(views.matrix(x), views.matrix(y), product);
    return product;
  }

  // ---- normalisation

  @Override
  public void layerNorm(
      Tensor x,
      Tensor residual,
      Tensor gamma,
      Tensor beta,
      float epsilon,
      Tensor y,
      Tensor mean,
      Tensor rstd) {
    if (residual != null) {
      addScaled(1, residual, x);
    }
    norms.layerNorm(x, gamma, beta, epsilon, y, mean, rstd);
  }

  @Override
  public void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      Tensor dx,
      Tensor dGamma,
      Tensor dBeta) {
    norms.layerNormBackward(x, gamma, mean, rstd, dy, dx, dGamma, dBeta);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor gamma, float epsilon, Tensor y, Tensor rstd) {
    norms.rmsNorm(x, gamma, epsilon, y, rstd);
  }

  @Override
  public void rmsNormBackward(
      Tensor x, Tensor gamma, Tensor rstd, Tensor dy, Tensor dx, Tensor dGamma) {
    norms.rmsNormBackward(x, gamma, rstd, dy, dx, dGamma);
  }

  // ---- attention

  @Override
  public void attention(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor bias,
      Tensor out,
      Tensor logSum) {
    attention.forward(shape, q, k, v, Bits.ints(mask), seedOf(shape, seed), bias, out, logSum);
  }

  private static long seedOf(AttentionShape shape, Tensor seed) {
    return shape.dropout() > 0 ? Bits.seed(seed) : 0;
  }

  @Override
  public void attentionBackward(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor bias,
      Tensor out,
      Tensor logSum,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dBias) {
    attention.backward(
        shape, q, k, v, Bits.ints(mask), seedOf(shape, seed), bias, dOut, dq, dk, dv, dBias);
  }

  @Override
  public void rotary(Tensor x, Tensor cos, Tensor sin, int headWidth, boolean inverse, Tensor y) {
    activations.rotary(x, cos, sin, headWidth, inverse, y);
  }

  // ---- rows by index, losses

  @Override
  public void gather(Tensor table, Tensor ids, boolean adds, Tensor out) {
    rows.gather(table, Bits.ints(ids), adds, out);
  }

  @Override
  public void gather(QuantisedMatrix table, Tensor ids, boolean adds, Tensor out) {
    Tensor values = halves.widened(table, this);
    if (ids != null) {
      gather(values, ids, adds, out);
    } else if (adds) {
      addScaled(1, values, out);
    } else {
      copy(values, out);
    }
  }

  @Override
  public void scatterAdd(Tensor rowTensor, Tensor ids, Tensor table) {
    rows.scatterAdd(rowTensor, Bits.ints(ids), table);
  }

  @Override
  public void sumColumns(Tensor x, Tensor starts, Tensor columns, Tensor out) {
    rows.sumColumns(x, Bits.ints(starts), Bits.ints(columns), out);
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, Tensor dLogits, Tensor loss) {
    Bits.write(loss, rows.crossEntropy(logits, Bits.ints(labels), dLogits));
  }

  @Override
  public void meanSquaredError(Tensor x, Tensor target, Tensor dx, Tensor loss) {
    Bits.write(loss, rows.meanSquaredError(x, target, dx));
  }

  @Override
  public void normalise(Tensor x, double weight, Tensor norm) {
    double length = Math.sqrt(sumOfSquares(x));
    Bits.write(norm, weight * length);
    if (length > 0) {
      scale((float) (weight / length), x, x);
    }
  }

  @Override
  public void addNumber(double factor, Tensor number, Tensor sum) {
    Bits.write(sum, Bits.numbers(sum)[0] + factor * Bits.numbers(number)[0]);
  }

  @Override
  public void append(Tensor[] numbers, Tensor[] lists) {
    for (int i = 0; i < numbers.length; i++) {
      double[] added = Bits.numbers(numbers[i]);
      double[] list = Bits.numbers(lists[i]);
      System.arraycopy(added, 0, list, 1 + added.length * (int) list[0], added.length);
      list[0]++;
      Bits.write(lists[i], list);
      Bits.write(numbers[i], new double[added.length]);
    }
  }

  // ---- optimisation

  @Override
  public void clip(List<Tensor> gradients, double most, Tensor norm) {
    double length = Math.sqrt(gradients.stream().mapToDouble(this::sumOfSquares).sum());
    Bits.write(norm, length);
    float factor = (float) (most / (length + 1e-6));
    if (most > 0 && factor < 1) {
      gradients.forEach(gradient -> scale(factor, gradient, gradient));
    }
  }

  private double sumOfSquares(Tensor x) {
    double sum = 0;
    for (long from = 0; from < x.size(); from += CHUNK) {
      int count = (int) Math.min(CHUNK, x.size() - from);
      int whole = count / PARTIAL_SUM;
      INDArray part = views.flat(x, from, count);
      Ops.multiply(part, part, views.scratch(0, count));
      // Sums of a few floats lose nothing that matters; those are added in double.
      if (whole > 0) {
        INDArray squares = views.scratch(0, whole, PARTIAL_SUM);
        Ops.matmul(
            false, false, 1, squares, views.ones(PARTIAL_SUM, 1), 0, views.scratch(1, whole, 1));
        sum += sum(views.readScratch(1, 0, whole));
      }
      sum += sum(views.readScratch(0, (long) whole * PARTIAL_SUM, count % PARTIAL_SUM));
    }
    return sum;
  }

  private static double sum(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum;
  }

  @Override
  public void adamW(List<Moments> parameters, Tensor steps) {
    float[] step = new float[AdamStep.LENGTH];
    for (int i = 0; i < parameters.size(); i++) {
      read(steps, (long) i * step.length, step, 0, step.length);
      adamW(parameters.get(i), step);
    }
  }

  private void adamW(Moments moments, float... step) {
    Tensor p = moments.parameter();
    for (long from = 0; from < p.size(); from += CHUNK) {
      long count = Math.min(CHUNK, p.size() - from);
      INDArray parameters = views.flat(p, from, count);
      INDArray gradient = views.flat(moments.gradient(), from, count);
      INDArray first = views.flat(moments.first(), from, count);
      INDArray second = views.flat(moments.second(), from, count);
      INDArray scratch = views.scratch(0, count);
      if (step[0] != 1) {
        parameters.muli(step[0]);
      }
      first.muli(step[1]);
      Ops.axpy(1 - (double) step[1], gradient, first);
      second.muli(step[2]);
      Ops.multiply(gradient, gradient, scratch);
      Ops.axpy(1 - (double) step[2], scratch, second);
      scratch.assign(second);
      Transforms.sqrt(scratch, false);
      scratch.muli(step[4]);
      scratch.addi(step[5]);
      Ops.divide(first, scratch, scratch);
      Ops.axpy(-step[3], scratch, parameters);
    }
  }

  @Override
  public void close() {
    allocations.freeAll(this::free);
    halves.close();
    views.close();
  }
}
