package org.peftsweep.bench;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.peftsweep.compute.AdamStep;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Moments;
import org.peftsweep.compute.Tensor;

/**
 * Each kernel on both processor backends: {@code rows} tokens in rows of 64, of {@code width}
 * columns in heads of 64, feed-forward blocks four times as wide.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class KernelBenchmark {
  private static final int TOKENS = 64;
  private static final int HEAD = 64;
  private static final int RANK = 8;
  private static final float EPSILON = 1e-5f;

  @Param({"cpu", "nd4j"})
  public String backend;

  @Param({"1", "2"})
  public int threads;

  @Param({"128", "768"})
  public int width;

  @Param({"2048"})
  public int rows;

  private Backend kernels;
  private AttentionShape heads;
  private Tensor mask;
  private Tensor ids;
  private Tensor labels;
  private Tensor x;
  private Tensor y;
  private Tensor z;
  private Tensor k;
  private Tensor v;
  private Tensor dk;
  private Tensor dv;
  private Tensor wide;
  private Tensor wideGradient;
  private Tensor wideOut;
  private Tensor inner;
  private Tensor weight;
  private Tensor weightGradient;
  private Tensor first;
  private Tensor second;
  private Tensor a;
  private Tensor row;
  private Tensor row2;
  private Tensor wideRow;
  private Tensor mean;
  private Tensor rstd;
  private Tensor logSum;
  private Tensor seed;
  private Tensor loss;
  private Tensor steps;
  private Tensor cos;
  private Tensor sin;

  /** Draws all inputs. */
  @Setup(Level.Trial)
  public void open() {
    kernels = Backends.open(backend, threads);
    heads =
        new AttentionShape(
            rows / TOKENS, TOKENS, width / HEAD, width / HEAD, HEAD, false, 0);
    mask = ints(i -> 1);
    ids = ints(i -> (int) Math.floorMod(Draws.mix(i), width));
    labels = ints(i -> i % width);
    seed = new Tensor(ElementType.I64, kernels.allocate(2), 0, 1);
    loss = new Tensor(ElementType.F64, kernels.allocate(2), 0, 1);
    float[] numbers = new float[AdamStep.LENGTH];
    new AdamStep(1e-6f, 0.9f, 0.999f, 1e-8f, 0, 0.5, 0.5).write(numbers, 0);
    steps = new Tensor(kernels.allocate(numbers.length), 0, 1, numbers.length);
    kernels.write(numbers, 0, steps, 0, numbers.length);
    x = drawn(rows, width);
    y = drawn(rows, width);
    z = drawn(rows, width);
    k = drawn(rows, width);
    v = drawn(rows, width);
    dk = drawn(rows, width);
    dv = drawn(rows, width);
    wide = drawn(rows, 4 * width);
    wideGradient = drawn(rows, 4 * width);
    wideOut = drawn(rows, 4 * width);
    inner = drawn(rows, RANK);
    weight = drawn(width, width);
    weightGradient = drawn(width, width);
    first = drawn(width, width);
    second = drawn(width, width);
    kernels.multiply(second, second, second);
    a = drawn(RANK, width);
    row = drawn(width);
    row2 = drawn(width);
    wideRow = drawn(4 * width);
    mean = drawn(rows);
    rstd = drawn(rows);
    logSum = drawn(heads.batch() * heads.heads(), TOKENS);
    cos = drawn(TOKENS, HEAD / 2);
    sin = drawn(TOKENS, HEAD / 2);
    kernels.layerNorm(x, null, row, row2, EPSILON, y, mean, rstd);
    kernels.attention(heads, x, k, v, mask, seed, y, logSum);
  }

  private Tensor ints(IntUnaryOperator values) {
    Tensor ints = new Tensor(ElementType.I32, kernels.allocate(rows), 0, rows);
    kernels.write(IntStream.range(0, rows).map(values).toArray(), ints);
    return ints;
  }

  private Tensor drawn(int... shape) {
    int size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
    SplittableRandom random = new SplittableRandom(size);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) (0.1 * random.nextGaussian());
    }
    Tensor tensor = new Tensor(kernels.allocate(size), 0, shape);
    kernels.write(values, 0, tensor, 0, size);
    return tensor;
  }

  @TearDown(Level.Trial)
  public void close() {
    kernels.close();
  }

  @Benchmark
  public void linear() {
    kernels.linear(x, weight, row, z);
  }

  @Benchmark
  public void gemmOfInputGradient() {
    kernels.gemm(false, false, 1, x, weight, 0, z);
  }

  @Benchmark
  public void gemmOfWeightGradient() {
    kernels.gemm(true, false, 1, x, v, 0, weightGradient);
  }

  @Benchmark
  public void gemmDownToRank() {
    kernels.gemm(false, true, 1, x, a, 0, inner);
  }

  @Benchmark
  public void gemmUpFromRank() {
    kernels.gemm(false, false, 1, inner, a, 0, z);
  }

  @Benchmark
  public void addScaled() {
    kernels.addScaled(1e-9f, x, z);
  }

  @Benchmark
  public void multiply() {
    kernels.multiply(x, v, z);
  }

  @Benchmark
  public void tanh() {
    kernels.tanh(x, z);
  }

  @Benchmark
  public void gelu() {
    kernels.gelu(wide, wideRow, wideOut);
  }

  @Benchmark
  public void geluBackward() {
    kernels.geluBackward(wide, wideRow, wideGradient, wideOut);
  }

  @Benchmark
  public void swiglu() {
    kernels.swiglu(wide, wideGradient, wideOut);
  }

  @Benchmark
  public void swigluBackward() {
    kernels.swigluBackward(x, v, y, dk, dv);
  }

  @Benchmark
  public void dropout() {
    kernels.dropout(x, 0.1f, seed, z);
  }

  @Benchmark
  public void addRow() {
    kernels.addRow(x, row, z);
  }

  @Benchmark
  public void multiplyRow() {
    kernels.multiplyRow(x, row, z);
  }

  @Benchmark
  public void sumRows() {
    kernels.sumRows(x, 0, row2);
  }

  @Benchmark
  public void dotRows() {
    kernels.dotRows(x, v, 0, row2);
  }

  @Benchmark
  public void rowNorms() {
    kernels.rowNorms(x, mean);
  }

  @Benchmark
  public void layerNorm() {
    kernels.layerNorm(x, null, row, row2, EPSILON, z, mean, rstd);
  }

  @Benchmark
  public void layerNormBackward() {
    kernels.layerNormBackward(x, row, mean, rstd, v, z, null, null);
  }

  @Benchmark
  public void rmsNorm() {
    kernels.rmsNorm(x, row, EPSILON, z, rstd);
  }

  @Benchmark
  public void rmsNormBackward() {
    kernels.rmsNormBackward(x, row, rstd, v, z, null);
  }

  @Benchmark
  public void attention() {
    kernels.attention(heads, x, k, v, mask, seed, y, logSum);
  }

  @Benchmark
  public void attentionBackward() {
    kernels.attentionBackward(heads, x, k, v, mask, seed, y, logSum, k, z, dk, dv);
  }

  @Benchmark
  public void rotary() {
    kernels.rotary(x, cos, sin, HEAD, false, z);
  }

  @Benchmark
  public void gather() {
    kernels.gather(weight, ids, false, z);
  }

  @Benchmark
  public void scatterAdd() {
    kernels.scatterAdd(x, ids, weightGradient);
  }

  @Benchmark
  public void crossEntropy() {
    kernels.crossEntropy(x, labels, z, loss);
  }

  @Benchmark
  public void clip() {
    kernels.clip(List.of(x), 0, loss);
  }

  @Benchmark
  public void adamW() {
    kernels.adamW(List.of(new Moments(weight, weightGradient, first, second)), steps);
  }
}
