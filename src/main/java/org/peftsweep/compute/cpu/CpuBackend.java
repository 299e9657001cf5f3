package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.HostMemory.at;
import static org.peftsweep.compute.cpu.HostMemory.buffer;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.Allocations;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.BackendUnavailableException;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Processor;
import org.peftsweep.compute.Products;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.Sizes;
import org.peftsweep.compute.Tensor;

/**
 * Kernels for processors: OpenBLAS for products, the JDK Vector API for the rest, both on the same
 * off-heap memory.
 *
 * <p>Results are the same bits at every call with the same number of threads, and equal to rounding
 * with another.
 */
public final class CpuBackend implements Backend {
  /** Columns of a strip that one worker adds up: four cache lines. */
  private static final int STRIP = 64;

  private final Allocations allocations = new Allocations();
  private final Workers workers;
  private final Blas blas;
  private final Scratch scratch;
  private final Panels panels;
  private final int threads;

  /** Made when first asked for. */
  private PackedProducts halfProducts;

  private final BlasChoice choice;

  /** Multiplies by shared weights in 32-bit floats; null for as other products are. */
  private final PackedProducts singleProducts;

  /** Stands for an absent bias. */
  private HostMemory zeros = new HostMemory(1 << 12);

  private double[] partials = new double[0];

  /**
   * Opens the backend with so many threads, the calling one included.
   *
   * @throws BackendUnavailableException if the JVM runs without the module jdk.incubator.vector
   */
  public CpuBackend(int threads) {
    this(threads, BlasLibrary.AUTO);
  }

  /**
   * The same with a choice of what multiplies 32-bit floats.
   *
   * @throws BackendUnavailableException if the JVM runs without the module jdk.incubator.vector, or
   *     there is no oneDNN for this platform where it is chosen
   */
  public CpuBackend(int threads, BlasLibrary library) {
    if (threads < 1) {
      throw new IllegalArgumentException(
          "Cannot run cpu on " + threads + " threads: give at least 1");
    }
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      throw new BackendUnavailableException(
          "Cannot open the cpu backend without the module jdk.incubator.vector:"
              + " start Java with --add-modules jdk.incubator.vector");
    }
    this.threads = threads;
    this.workers = new Workers(threads);
    this.blas = new Blas(workers);
    this.choice = BlasChoice.of(library);
    this.singleProducts =
        choice.usesOneDnn() ? new PackedProducts(ElementType.F32, this, workers) : null;
    this.scratch = new Scratch(threads);
    this.panels = new Panels(workers, blas, scratch);
  }

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public String device() {
    return Processor.model()
        + ", "
        + threads
        + (threads == 1 ? " thread" : " threads")
        + (choice.usesOneDnn() ? ", oneDNN" : "");
  }

  // ---- memory

  @Override
  public Memory allocate(long floats) {
    return allocations.add(new HostMemory(floats));
  }

  @Override
  public Memory allocateShared(long floats) {
    return HostMemory.shared(floats);
  }

  @Override
  public void free(Memory memory) {
    allocations.remove(memory);
    ((HostMemory) memory).free();
  }

  @Override
  public Allocations allocations() {
    return allocations;
  }

  @Override
  public void write(float[] source, int sourceOffset, Tensor target, long targetOffset, int count) {
    Sizes.require(targetOffset + count <= target.size(), "write", target, "a longer tensor is");
    if (Halves.isHalf(target)) {
      Halves.write(target, targetOffset, source, sourceOffset, count);
    } else {
      HostMemory.of(target).write(target.offset() + targetOffset, source, sourceOffset, count);
    }
  }

  @Override
  public void read(Tensor source, long sourceOffset, float[] target, int targetOffset, int count) {
    Sizes.require(sourceOffset + count <= source.size(), "read", source, "a longer tensor is");
    if (Halves.isHalf(source)) {
      Halves.read(source, sourceOffset, target, targetOffset, count);
    } else {
      HostMemory.of(source).read(source.offset() + sourceOffset, target, targetOffset, count);
    }
  }

  @Override
  public void write(int[] source, Tensor target) {
    Sizes.require(source.length <= target.size(), "write", target, "a longer tensor is");
    HostMemory.write(target, source);
  }

  @Override
  public void write(long[] source, Tensor target) {
    Sizes.require(source.length <= target.size(), "write", target, "a longer tensor is");
    for (int i = 0; i < source.length; i++) {
      HostMemory.write(target, i, source[i]);
    }
  }

  @Override
  public double[] numbers(Tensor source) {
    double[] numbers = new double[Math.toIntExact(source.size())];
    Arrays.setAll(numbers, i -> HostMemory.number(source, i));
    return numbers;
  }

  @Override
  public void fill(Tensor x, float value) {
    if (x.type() == ElementType.F64) {
      for (int i = 0; i < x.size(); i++) {
        HostMemory.write(x, i, (double) value);
      }
      return;
    }
    workers.elements(
        x.size(),
        (worker, from, to) ->
            Elementwise.fill(value, buffer(x, from), at(x, from), (int) (to - from)));
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    Sizes.count("copy", from.size(), to);
    if (Halves.isHalf(from) || Halves.isHalf(to)) {
      workers.elements(from.size(), (worker, start, end) -> Halves.copy(from, to, start, end));
      return;
    }
    workers.elements(
        from.size(),
        (worker, start, end) ->
            Elementwise.copy(
                buffer(from, start),
                at(from, start),
                buffer(to, start),
                at(to, start),
                (int) (end - start)));
  }

  // ---- products

  @Override
  public void gemm(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c) {
    int inner = transposeA ? a.rows() : a.columns();
    Sizes.require((transposeB ? b.columns() : b.rows()) == inner, "gemm", b, "inner size " + inner);
    Sizes.require((transposeA ? a.columns() : a.rows()) == c.rows(), "gemm", c, "op(a)'s rows");
    int columns = transposeB ? b.rows() : b.columns();
    Sizes.require(columns == c.columns(), "gemm", c, columns + " columns");
    product(transposeA, transposeB, alpha, a, b, beta, c, null);
  }

  @Override
  public boolean sumsRowsAlike(int rows, int columns, int inner) {
    return Blas.isPacked(rows, columns, inner)
        && Blas.areRowsAlike()
        && (!isOneDnn(columns, inner) || singleProducts.sumsRowsAlike(rows, columns, inner));
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor bias, Tensor y) {
    Sizes.require(x.columns() == w.columns(), "linear", w, x.columns() + " columns");
    Sizes.require(x.rows() == y.rows(), "linear", y, x.rows() + " rows");
    Sizes.require(w.rows() == y.columns(), "linear", y, w.rows() + " columns");
    Sizes.count("linear", y.columns(), bias);
    product(false, true, 1, x, w, 0, y, bias);
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor[] biases, Lanes lanes, Tensor y) {
    if (isOneDnn(w, w.rows(), w.columns())) {
      singleProducts.linear(x, w, biases, lanes, y);
    } else {
      Backend.super.linear(x, w, biases, lanes, y);
    }
  }

  @Override
  public void gemm(boolean transposeW, Tensor a, QuantisedMatrix w, float beta, Tensor c) {
    int k = a.columns();
    Sizes.require(a.rows() == c.rows(), "gemm", c, a.rows() + " rows");
    Sizes.require((transposeW ? w.columns() : w.rows()) == k, "gemm", w, "inner size " + k);
    int n = transposeW ? w.rows() : w.columns();
    Sizes.require(n == c.columns(), "gemm", c, n + " columns");
    panels.gemm(transposeW, a, w, beta, c);
  }

  private boolean isOneDnn(Tensor w, int n, int k) {
    return isOneDnn(n, k) && !Halves.isHalf(w) && PackedProducts.isShared(w);
  }

  /** Whether products with shared weights of a size are oneDNN's. */
  private boolean isOneDnn(int n, int k) {
    return choice.isOneDnn(n, k) && !PackedProducts.isNarrow(n, k);
  }

  @Override
  public boolean reordersWeights(ElementType factors) {
    return factors == ElementType.BF16 || choice.usesOneDnn();
  }

  @Override
  public Products products(ElementType factors) {
    if (factors == ElementType.F32) {
      return this;
    }
    Optional<String> refusal = OneDnn.lack(factors);
    if (refusal.isPresent()) {
      throw new BackendUnavailableException(refusal.get());
    }
    if (halfProducts == null) {
      halfProducts = new PackedProducts(factors, this, workers);
    }
    return halfProducts;
  }

  private void product(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c,
      Tensor start) {
    if (!transposeA && isOneDnn(b, c.columns(), a.columns())) {
      singleProducts.multiply(transposeB, alpha, a, b, beta, c, start);
      return;
    }
    if (Halves.isHalf(b)) {
      panels.gemm(transposeA, transposeB, alpha, a, b, beta, c, start);
    } else {
      blas.gemm(transposeA, transposeB, alpha, a, b, beta, c, start);
    }
  }

  // ---- elementwise

  @Override
  public void addScaled(float alpha, Tensor x, Tensor y) {
    Sizes.count("addScaled", x.size(), y);
    workers.elements(
        x.size(),
        (worker, from, to) ->
            Elementwise.addScaled(
                alpha,
                buffer(x, from),
                at(x, from),
                buffer(y, from),
                at(y, from),
                length(from, to)));
  }

  @Override
  public void scale(float alpha, Tensor x, Tensor y) {
    Sizes.count("scale", x.size(), y);
    workers.elements(
        x.size(),
        (worker, from, to) ->
            Elementwise.scale(
                alpha,
                buffer(x, from),
                at(x, from),
                buffer(y, from),
                at(y, from),
                length(from, to)));
  }

  @Override
  public void multiply(Tensor a, Tensor b, Tensor y) {
    Sizes.count("multiply", a.size(), b, y);
    workers.elements(
        a.size(),
        (worker, from, to) ->
            Elementwise.multiply(
                buffer(a, from),
                at(a, from),
                buffer(b, from),
                at(b, from),
                buffer(y, from),
                at(y, from),
                length(from, to)));
  }

  @Override
  public void reciprocal(Tensor x, Tensor y) {
    Sizes.count("reciprocal", x.size(), y);
    workers.elements(
        x.size(),
        (worker, from, to) ->
            Elementwise.reciprocal(
                buffer(x, from), at(x, from), buffer(y, from), at(y, from), length(from, to)));
  }

  @Override
  public void tanh(Tensor x, Tensor y) {
    Sizes.count("tanh", x.size(), y);
    workers.elements(
        x.size(),
        (worker, from, to) ->
            Activations.tanh(
                buffer(x, from), at(x, from), buffer(y, from), at(y, from), length(from, to)));
  }

  @Override
  public void tanhBackward(Tensor y, Tensor dy, Tensor dx) {
    Sizes.count("tanhBackward", y.size(), dy, dx);
    workers.elements(
        y.size(),
        (worker, from, to) ->
            Elementwise.tanhBackward(
                buffer(y, from),
                at(y, from),
                buffer(dy, from),
                at(dy, from),
                buffer(dx, from),
                at(dx, from),
                length(from, to)));
  }

  @Override
  public void gelu(Tensor x, Tensor bias, Tensor y) {
    Sizes.same("gelu", x, y);
    Sizes.count("gelu", x.columns(), bias);
    int n = x.columns();
    ByteBuffer shift = bias == null ? zeros(n) : buffer(bias, 0);
    int shiftAt = bias == null ? 0 : at(bias, 0);
    workers.rows(
        x.rows(),
        n,
        (worker, from, to) -> {
          for (long i = from * n; i < to * n; i += n) {
            Activations.gelu(buffer(x, i), at(x, i), shift, shiftAt, buffer(y, i), at(y, i), n);
          }
        });
  }

  @Override
  public void geluBackward(Tensor x, Tensor bias, Tensor dy, Tensor dx) {
    Sizes.same("geluBackward", x, dy, dx);
    Sizes.count("geluBackward", x.columns(), bias);
    int n = x.columns();
    ByteBuffer shift = bias == null ? zeros(n) : buffer(bias, 0);
    int shiftAt = bias == null ? 0 : at(bias, 0);
    workers.rows(
        x.rows(),
        n,
        (worker, from, to) -> {
          for (long i = from * n; i < to * n; i += n) {
            Activations.geluBackward(
                buffer(x, i),
                at(x, i),
                shift,
                shiftAt,
                buffer(dy, i),
                at(dy, i),
                buffer(dx, i),
                at(dx, i),
                n);
          }
        });
  }

  @Override
  public void swiglu(Tensor gate, Tensor up, Tensor y) {
    Sizes.count("swiglu", gate.size(), up, y);
    workers.elements(
        gate.size(),
        (worker, from, to) ->
            Activations.swiglu(
                buffer(gate, from),
                at(gate, from),
                buffer(up, from),
                at(up, from),
                buffer(y, from),
                at(y, from),
                length(from, to)));
  }

  @Override
  public void swigluBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) {
    Sizes.count("swigluBackward", gate.size(), up, dy, dGate, dUp);
    workers.elements(
        gate.size(),
        (worker, from, to) ->
            Activations.swigluBackward(
                buffer(gate, from),
                at(gate, from),
                buffer(up, from),
                at(up, from),
                buffer(dy, from),
                at(dy, from),
                buffer(dGate, from),
                at(dGate, from),
                buffer(dUp, from),
                at(dUp, from),
                length(from, to)));
  }

  @Override
  public void dropout(Tensor x, float p, Tensor seed, Tensor y) {
    Sizes.count("dropout", x.size(), y);
    long value = HostMemory.seed(seed);
    workers.elements(
        x.size(),
        (worker, from, to) ->
            Elementwise.dropout(
                p,
                value,
                (int) from,
                buffer(x, from),
                at(x, from),
                buffer(y, from),
                at(y, from),
                length(from, to)));
  }

  // ---- rows and columns

  @Override
  public void addRow(Tensor x, Tensor v, Tensor y) {
    Sizes.same("addRow", x, y);
    Sizes.count("addRow", x.columns(), v);
    workers.rows(x.rows(), x.columns(), (worker, from, to) -> Rows.addRow(x, v, y, from, to));
  }

  @Override
  public void multiplyRow(Tensor x, Tensor v, Tensor y) {
    Sizes.same("multiplyRow", x, y);
    Sizes.count("multiplyRow", x.columns(), v);
    workers.rows(x.rows(), x.columns(), (worker, from, to) -> Rows.multiplyRow(x, v, y, from, to));
  }

  @Override
  public void multiplyColumn(Tensor x, Tensor v, Tensor y) {
    Sizes.same("multiplyColumn", x, y);
    Sizes.count("multiplyColumn", x.rows(), v);
    workers.rows(
        x.rows(), x.columns(), (worker, from, to) -> Rows.multiplyColumn(x, v, y, from, to));
  }

  @Override
  public void sumRows(Tensor x, float beta, Tensor out) {
    Sizes.count("sumRows", x.columns(), out);
    strips(
        x,
        (worker, from, to) -> {
          Reductions.start(beta, out, from, to);
          Reductions.sumRows(x, out, from, to);
        });
  }

  @Override
  public void dotRows(Tensor x, Tensor y, float beta, Tensor out) {
    Sizes.same("dotRows", x, y);
    Sizes.count("dotRows", x.columns(), out);
    strips(
        x,
        (worker, from, to) -> {
          Reductions.start(beta, out, from, to);
          Reductions.dotRows(x, y, out, from, to);
        });
  }

  @Override
  public void dotColumns(Tensor x, Tensor y, float beta, Tensor out) {
    Sizes.same("dotColumns", x, y);
    Sizes.count("dotColumns", x.rows(), out);
    workers.rows(
        x.rows(),
        x.columns(),
        (worker, from, to) -> Reductions.dotColumns(x, y, beta, out, from, to));
  }

  @Override
  public void rowNorms(Tensor x, Tensor out) {
    Sizes.count("rowNorms", x.rows(), out);
    int n = x.columns();
    workers.rows(
        x.rows(),
        n,
        Halves.isHalf(x)
            ? (worker, from, to) -> Halves.rowNorms(x, out, from, to, scratch.of(worker, n))
            : (worker, from, to) -> Reductions.rowNorms(x, out, from, to));
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
    Sizes.same("layerNorm", x, residual, y);
    Sizes.count("layerNorm", x.columns(), gamma, beta);
    Sizes.count("layerNorm", x.rows(), mean, rstd);
    workers.rows(
        x.rows(),
        x.columns(),
        (worker, from, to) ->
            Norms.layerNorm(x, residual, gamma, beta, epsilon, y, mean, rstd, from, to));
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
    Sizes.same("layerNormBackward", x, dy, dx);
    Sizes.count("layerNormBackward", x.columns(), gamma, dGamma, dBeta);
    Sizes.count("layerNormBackward", x.rows(), mean, rstd);
    if (dBeta != null) {
      sumRows(dy, 1, dBeta);
    }
    normBackward(x, gamma, mean, rstd, dy, dx, dGamma);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor gamma, float epsilon, Tensor y, Tensor rstd) {
    Sizes.same("rmsNorm", x, y);
    Sizes.count("rmsNorm", x.columns(), gamma);
    Sizes.count("rmsNorm", x.rows(), rstd);
    workers.rows(
        x.rows(),
        x.columns(),
        (worker, from, to) -> Norms.rmsNorm(x, gamma, epsilon, y, rstd, from, to));
  }

  @Override
  public void rmsNormBackward(
      Tensor x, Tensor gamma, Tensor rstd, Tensor dy, Tensor dx, Tensor dGamma) {
    Sizes.same("rmsNormBackward", x, dy, dx);
    Sizes.count("rmsNormBackward", x.columns(), gamma, dGamma);
    Sizes.count("rmsNormBackward", x.rows(), rstd);
    normBackward(x, gamma, null, rstd, dy, dx, dGamma);
  }

  private void normBackward(
      Tensor x, Tensor gamma, Tensor mean, Tensor rstd, Tensor dy, Tensor dx, Tensor dGamma) {
    if (dGamma != null) {
      strips(x, (worker, from, to) -> Norms.addGammaGradient(x, mean, rstd, dy, dGamma, from, to));
    }
    workers.rows(
        x.rows(),
        x.columns(),
        (worker, from, to) -> Norms.backward(x, gamma, mean, rstd, dy, dx, from, to));
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
    requireAttention("attention", shape, mask, logSum, new Tensor[] {q, out}, k, v);
    Attention attention = prepared(shape, q, k, v, mask, seed, bias, out, logSum);
    workers.split(
        attention.units(),
        unitsAtOnce(shape),
        (worker, from, to) -> {
          for (long unit = from; unit < to; unit++) {
            attention.forward(worker, unit);
          }
        });
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
    requireAttention(
        "attentionBackward", shape, mask, logSum, new Tensor[] {q, out, dOut, dq}, k, v, dk, dv);
    Sizes.count("attentionBackward", shape.scores(), dBias);
    Attention attention = prepared(shape, q, k, v, mask, seed, bias, out, logSum);
    workers.split(
        attention.units(),
        unitsAtOnce(shape),
        (worker, from, to) -> {
          for (long unit = from; unit < to; unit++) {
            attention.backward(worker, unit, dOut, dq, dk, dv, dBias);
          }
        });
  }

  private Attention prepared(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor mask,
      Tensor seed,
      Tensor bias,
      Tensor out,
      Tensor logSum) {
    long seedOfMask = shape.dropout() > 0 ? HostMemory.seed(seed) : 0;
    return new Attention(
        shape, seedOfMask, q, k, v, HostMemory.ints(mask), bias, out, logSum, blas, scratch);
  }

  private static void requireAttention(
      String kernel,
      AttentionShape shape,
      Tensor mask,
      Tensor logSum,
      Tensor[] queries,
      Tensor... keys) {
    long asking = (long) shape.batch() * shape.queries();
    long tokens = (long) shape.batch() * shape.tokens();
    Sizes.count(kernel, asking * shape.heads() * shape.headWidth(), queries);
    Sizes.count(kernel, tokens * shape.keyHeads() * shape.headWidth(), keys);
    Sizes.count(kernel, asking * shape.heads(), logSum);
    Sizes.require(
        mask.size() == tokens, kernel, "a mask of " + mask.size(), tokens + " tokens are");
  }

  private static int unitsAtOnce(AttentionShape shape) {
    long work = (long) shape.queries() * shape.tokens() * shape.heads() / shape.keyHeads();
    return (int) Math.max(1, (1 << 14) / Math.max(1, work));
  }

  @Override
  public void rotary(Tensor x, Tensor cos, Tensor sin, int headWidth, boolean inverse, Tensor y) {
    Sizes.same("rotary", x, y);
    Sizes.same("rotary", cos, sin);
    Sizes.require(cos.columns() * 2 == headWidth, "rotary", cos, headWidth / 2 + " columns");
    Sizes.require(x.columns() % headWidth == 0, "rotary", x, "whole heads are");
    workers.rows(
        x.rows(),
        x.columns(),
        (worker, from, to) -> Rows.rotary(x, cos, sin, headWidth, inverse ? -1 : 1, y, from, to));
  }

  // ---- rows by index

  @Override
  public void gather(Tensor table, Tensor places, boolean adds, Tensor out) {
    int[] ids = HostMemory.ints(places);
    Sizes.count("gather", (long) ids.length * table.columns(), out);
    Sizes.ids("gather", ids, 0, table.rows());
    workers.rows(
        ids.length,
        table.columns(),
        Halves.isHalf(table)
            ? (worker, from, to) -> Halves.gather(table, ids, adds, out, from, to)
            : (worker, from, to) -> Rows.gather(table, ids, adds, out, from, to));
  }

  @Override
  public void gather(QuantisedMatrix table, Tensor places, boolean adds, Tensor out) {
    int n = table.columns();
    int[] ids = places == null ? null : HostMemory.ints(places);
    int rows = ids == null ? table.rows() : ids.length;
    Sizes.count("gather", (long) rows * n, out);
    if (ids != null) {
      Sizes.ids("gather", ids, 0, table.rows());
    }
    workers.rows(
        rows,
        n,
        (worker, from, to) ->
            Quantised.gather(table, ids, adds, out, from, to, scratch.of(worker, n)));
  }

  @Override
  public void scatterAdd(Tensor rows, Tensor places, Tensor table) {
    int[] ids = HostMemory.ints(places);
    Sizes.count("scatterAdd", (long) ids.length * table.columns(), rows);
    Sizes.ids("scatterAdd", ids, Integer.MIN_VALUE, table.rows());
    strips(rows, (worker, from, to) -> Rows.scatterAdd(rows, ids, table, from, to));
  }

  @Override
  public void sumColumns(Tensor x, Tensor starts, Tensor columns, Tensor out) {
    int[] from = HostMemory.ints(starts);
    int[] taken = HostMemory.ints(columns);
    Sizes.columns(x, from, taken, out);
    workers.rows(
        out.rows(),
        out.columns() + taken.length,
        (worker, first, end) -> Rows.sumColumns(x, from, taken, out, first, end));
  }

  // ---- losses

  @Override
  public void crossEntropy(Tensor logits, Tensor classes, Tensor dLogits, Tensor loss) {
    int[] labels = HostMemory.ints(classes);
    Sizes.require(labels.length == logits.rows(), "crossEntropy", logits, labels.length + " rows");
    Sizes.same("crossEntropy", logits, dLogits);
    Sizes.ids("crossEntropy", labels, Integer.MIN_VALUE, logits.columns());
    int counted = 0;
    for (int label : labels) {
      counted += label >= 0 ? 1 : 0;
    }
    double[] losses = partials(labels.length);
    float share = counted == 0 ? 0 : 1f / counted;
    workers.rows(
        logits.rows(),
        logits.columns(),
        (worker, from, to) -> Losses.crossEntropy(logits, labels, losses, from, to));
    HostMemory.write(loss, 0, counted == 0 ? 0 : total(losses, labels.length) / counted);
    if (dLogits != null) {
      workers.rows(
          logits.rows(),
          logits.columns(),
          (worker, from, to) ->
              Losses.crossEntropyGradient(logits, labels, share, losses, dLogits, from, to));
    }
  }

  @Override
  public void meanSquaredError(Tensor x, Tensor target, Tensor dx, Tensor loss) {
    Sizes.count("meanSquaredError", target.size(), x, dx);
    long n = target.size();
    double sum = 0;
    for (long i = 0; i < n; i++) {
      double wanted = buffer(target, i).getFloat(at(target, i));
      double distance = buffer(x, i).getFloat(at(x, i)) - wanted;
      sum += distance * distance;
      if (dx != null) {
        buffer(dx, i).putFloat(at(dx, i), (float) (2 * distance / n));
      }
    }
    HostMemory.write(loss, 0, sum / n);
  }

  @Override
  public void normalise(Tensor x, double weight, Tensor norm) {
    double length = Math.sqrt(sumOfSquares(x));
    HostMemory.write(norm, 0, weight * length);
    if (length > 0) {
      scale((float) (weight / length), x, x);
    }
  }

  @Override
  public void addNumber(double factor, Tensor number, Tensor sum) {
    HostMemory.write(sum, 0, HostMemory.number(sum, 0) + factor * HostMemory.number(number, 0));
  }

  @Override
  public void append(Tensor[] numbers, Tensor[] lists) {
    for (int i = 0; i < numbers.length; i++) {
      double count = HostMemory.number(lists[i], 0);
      int length = Math.toIntExact(numbers[i].size());
      for (int j = 0; j < length; j++) {
        int at = 1 + length * (int) count + j;
        HostMemory.write(lists[i], at, HostMemory.number(numbers[i], j));
        HostMemory.write(numbers[i], j, 0.0);
      }
      HostMemory.write(lists[i], 0, count + 1);
    }
  }

  // ---- optimisation

  @Override
  public void clip(List<Tensor> gradients, double most, Tensor norm) {
    double squares = 0;
    for (Tensor gradient : gradients) {
      squares += sumOfSquares(gradient);
    }
    double length = Math.sqrt(squares);
    HostMemory.write(norm, 0, length);
    float factor = (float) (most / (length + 1e-6));
    if (most > 0 && factor < 1) {
      for (Tensor gradient : gradients) {
        scale(factor, gradient, gradient);
      }
    }
  }

  private double sumOfSquares(Tensor x) {
    int parts = (int) ((x.size() + Workers.GRAIN - 1) / Workers.GRAIN);
    double[] sums = partials(parts);
    workers.elements(
        x.size(),
        (worker, from, to) -> {
          ByteBuffer b = buffer(x, from);
          int place = at(x, from);
          sums[(int) (from / Workers.GRAIN)] =
              Reductions.longDot(b, place, b, place, length(from, to));
        });
    return total(sums, parts);
  }

  @Override
  public void adamW(List<Moments> parameters, Tensor steps) {
    Sizes.count("adamW", (long) AdamStep.LENGTH * parameters.size(), steps);
    for (int i = 0; i < parameters.size(); i++) {
      Moments each = parameters.get(i);
      long row = (long) AdamStep.LENGTH * i;
      Adam adam = new Adam(buffer(steps, row), at(steps, row));
      adamW(each.parameter(), each.gradient(), each.first(), each.second(), adam);
    }
  }

  private void adamW(Tensor p, Tensor g, Tensor m, Tensor v, Adam adam) {
    Sizes.count("adamW", p.size(), g, m, v);
    workers.elements(
        p.size(),
        (worker, from, to) ->
            adam.update(
                buffer(p, from),
                at(p, from),
                buffer(g, from),
                at(g, from),
                buffer(m, from),
                at(m, from),
                buffer(v, from),
                at(v, from),
                length(from, to)));
  }

  @Override
  public void close() {
    workers.close();
    scratch.close();
    if (singleProducts != null) {
      singleProducts.close();
    }
    if (halfProducts != null) {
      halfProducts.close();
    }
    zeros.free();
    allocations.freeAll(this::free);
  }

  // ---- bookkeeping

  private static int length(long from, long to) {
    return (int) (to - from);
  }

  /** Runs strips of columns, all rows of each. */
  private void strips(Tensor x, Workers.Part part) {
    long width = x.columns();
    if (threads > 1 && x.size() > Workers.GRAIN) {
      width = (width / threads + STRIP - 1) / STRIP * STRIP;
    }
    workers.split(x.columns(), Math.max(STRIP, width), part);
  }

  private ByteBuffer zeros(int columns) {
    if (zeros.floats() < columns) {
      zeros.free();
      zeros = new HostMemory(columns);
    }
    return zeros.window(0);
  }

  private double[] partials(int count) {
    if (partials.length < count) {
      partials = new double[count];
    }
    Arrays.fill(partials, 0, count, 0);
    return partials;
  }

  private static double total(double[] values, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += values[i];
    }
    return sum;
  }
}
