package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.function.DoubleBinaryOperator;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What {@link Backend} promises of memory, products, elementwise kernels, rows, indices, losses and
 * the optimiser. A backend is also held to {@link StorageContract}, {@link IndexAndLossContract},
 * {@link NormContract}, {@link AttentionContract} and {@link TapeContract}.
 */
abstract class KernelContract extends BackendFixture {
  private static final double EXACT = 2e-6;
  private static final double SUMMED = 2e-5;

  private static double[] each(int size, IntToDoubleFunction f) {
    return IntStream.range(0, size).mapToDouble(f).toArray();
  }

  private static double[] each(double[] a, double[] b, DoubleBinaryOperator f) {
    return each(a.length, i -> f.applyAsDouble(a[i], b[i]));
  }

  // ---- memory

  @Test
  void allocatedMemoryIsZero() {
    Memory memory = backend.allocate(1000);
    assertThat(memory.floats()).isEqualTo(1000);
    assertThat(floats(new Tensor(memory, 0, 1000))).containsOnly(0f);
    backend.free(memory);
  }

  @Test
  void writesAndReadsPartsOfTensors() {
    Tensor x = normal(4, 5);
    float[] before = floats(x);
    backend.write(new float[] {9, 1, 2, 3, 9}, 1, x, 7, 3);
    float[] after = before.clone();
    System.arraycopy(new float[] {1, 2, 3}, 0, after, 7, 3);
    assertThat(floats(x)).containsExactly(after);
    float[] part = new float[6];
    backend.read(x, 6, part, 2, 3);
    assertThat(part).containsExactly(0, 0, after[6], 1, 2, 0);
  }

  @Test
  void fillsAndCopies() {
    Tensor x = normal(3, 7);
    Tensor y = output(3, 7);
    backend.copy(x, y);
    assertThat(floats(y)).containsExactly(floats(x));
    backend.fill(y.slice(1, 1), 2.5f);
    float[] expected = floats(x);
    Arrays.fill(expected, 7, 14, 2.5f);
    assertThat(floats(y)).containsExactly(expected);
  }

  // ---- products

  @ParameterizedTest(name = "[{0}, {2}]·[{2}, {1}]")
  @CsvSource({
    "1,1,1",
    "1,5,3",
    "5,1,3",
    "5,3,1",
    "1,1,7",
    "7,1,1",
    "1,7,1",
    "2,2,2",
    "3,4,5",
    "16,16,16",
    "17,19,23",
    "33,8,64",
    "13,64,129",
    "64,48,200"
  })
  void multipliesMatrices(int m, int n, int k) {
    for (int bits = 0; bits < 4; bits++) {
      boolean ta = (bits & 1) != 0;
      boolean tb = (bits & 2) != 0;
      Tensor a = ta ? normal(k, m) : normal(m, k);
      Tensor b = tb ? normal(n, k) : normal(k, n);
      Tensor c = output(m, n);
      backend.gemm(ta, tb, 1, a, b, 0, c);
      String what = "gemm " + ta + " " + tb;
      assertClose(what, c, Reference.gemm(ta, tb, 1, host(a), host(b), m, n, k), SUMMED);
      Tensor d = normal(m, n);
      double[] before = host(d);
      backend.gemm(ta, tb, -0.5f, a, b, 2, d);
      double[] product = Reference.gemm(ta, tb, -0.5, host(a), host(b), m, n, k);
      assertClose(what + " added", d, each(product, before, (p, old) -> p + 2 * old), SUMMED);
    }
  }

  @ParameterizedTest(name = "[{0}, {2}] to [{0}, {1}]")
  @CsvSource({"1,1,1", "1,2,16", "7,13,5", "16,16,16", "31,33,100", "1,64,64", "50,1,20"})
  void linearAddsBias(int rows, int out, int in) {
    Tensor x = normal(rows, in);
    Tensor w = normal(out, in);
    Tensor bias = normal(out);
    Tensor y = output(rows, out);
    double[] product = Reference.gemm(false, true, 1, host(x), host(w), rows, out, in);
    backend.linear(x, w, null, y);
    assertClose("linear", y, product, SUMMED);
    backend.linear(x, w, bias, y);
    double[] b = host(bias);
    assertClose("biased", y, each(product.length, i -> product[i] + b[i % out]), SUMMED);
  }

  @Test
  void inputsOfProductsStayAsTheyAre() {
    Tensor x = normal(9, 6);
    Tensor w = normal(4, 6);
    float[] xBefore = floats(x);
    float[] wBefore = floats(w);
    backend.linear(x, w, normal(4), output(9, 4));
    backend.gemm(true, false, 1, x, x, 0, output(6, 6));
    assertThat(floats(x)).containsExactly(xBefore);
    assertThat(floats(w)).containsExactly(wBefore);
  }

  /** The same bits as dropout and product one after the other, wherever the dropout is drawn. */
  @ParameterizedTest(name = "{0} rows, {1} columns, rank {2}")
  @CsvSource({"1,1,1", "9,5,2", "33,40,8", "300,65,9", "520,12,20", "40,64,48"})
  void productsDropWhatTheyReadOrWrite(int rows, int columns, int rank) {
    Tensor seed = HostKernels.seed(backend, -71_234_567_890_123L);
    float p = 0.35f;
    Tensor x = normal(rows, columns);
    Tensor kept = output(rows, columns);
    backend.dropout(x, p, seed, kept);
    Tensor inner = normal(rows, rank);
    for (float beta : new float[] {0, 1}) {
      for (boolean transposed : new boolean[] {false, true}) {
        Tensor w = transposed ? normal(rank, columns) : normal(columns, rank);
        Tensor found = normal(rows, rank);
        Tensor expected = copyOf(found);
        backend.gemmOfDropped(Dropped.LEFT, p, seed, transposed, 0.7f, x, w, beta, found);
        backend.gemm(false, transposed, 0.7f, kept, w, beta, expected);
        assertThat(floats(found)).as("left").containsExactly(floats(expected));

        Tensor up = transposed ? normal(columns, rank) : normal(rank, columns);
        found = normal(rows, columns);
        expected = copyOf(found);
        backend.gemmOfDropped(Dropped.RESULT, p, seed, transposed, 0.7f, inner, up, beta, found);
        Tensor more = output(rows, columns);
        backend.gemm(false, transposed, 0.7f, inner, up, 0, more);
        backend.dropout(more, p, seed, more);
        if (beta == 0) {
          expected = more;
        } else {
          backend.addScaled(1, more, expected);
        }
        assertThat(floats(found)).as("result").containsExactly(floats(expected));
      }
      Tensor found = normal(rank, columns);
      Tensor expected = copyOf(found);
      backend.gemmOfDropped(Dropped.RIGHT, p, seed, false, 0.7f, inner, x, beta, found);
      backend.gemm(true, false, 0.7f, inner, kept, beta, expected);
      assertThat(floats(found)).as("right").containsExactly(floats(expected));
    }
  }

  // ---- elementwise

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 33, 1000, 4099})
  void elementwiseKernelsMatchTheirFormulas(int n) {
    Tensor a = normal(n);
    Tensor b = normal(n);
    double[] x = host(a);
    double[] z = host(b);
    Tensor y = copyOf(b);
    backend.addScaled(-1.5f, a, y);
    assertClose("addScaled", y, each(x, z, (p, q) -> q - 1.5 * p), EXACT);
    y = copyOf(b);
    backend.addScaled(1, a, y);
    assertClose("add", y, each(x, z, (p, q) -> q + p), EXACT);
    y = output(n);
    backend.scale(0.3f, a, y);
    assertClose("scale", y, each(n, i -> 0.3f * x[i]), EXACT);
    backend.multiply(a, b, y);
    assertClose("multiply", y, each(x, z, (p, q) -> p * q), EXACT);
    backend.tanh(a, y);
    assertClose("tanh", y, each(n, i -> Math.tanh(x[i])), EXACT);
    Tensor dx = output(n);
    backend.tanhBackward(y, b, dx);
    double[] t = host(y);
    assertClose("tanhBackward", dx, each(n, i -> z[i] * (1 - t[i] * t[i])), EXACT);
    float[] away = floats(a);
    for (int i = 0; i < n; i++) {
      away[i] = Math.copySign(Math.abs(away[i]) + 0.25f, away[i]);
    }
    backend.reciprocal(upload(away, n), y);
    assertClose("reciprocal", y, each(n, i -> 1 / (double) away[i]), EXACT);
  }

  @Test
  void elementwiseKernelsWorkInPlace() {
    Tensor a = normal(5, 7);
    Tensor b = normal(5, 7);
    double[] x = host(a);
    double[] z = host(b);
    Tensor y = copyOf(a);
    backend.scale(2, y, y);
    assertClose("scale", y, each(35, i -> 2 * x[i]), EXACT);
    y = copyOf(a);
    backend.addScaled(1, y, y);
    assertClose("addScaled", y, each(35, i -> 2 * x[i]), EXACT);
    y = copyOf(a);
    backend.multiply(y, b, y);
    assertClose("multiply left", y, each(x, z, (p, q) -> p * q), EXACT);
    y = copyOf(b);
    backend.multiply(a, y, y);
    assertClose("multiply right", y, each(x, z, (p, q) -> p * q), EXACT);
    y = copyOf(a);
    backend.tanh(y, y);
    assertClose("tanh", y, each(35, i -> Math.tanh(x[i])), EXACT);
    Tensor dy = copyOf(b);
    backend.tanhBackward(y, dy, dy);
    assertClose(
        "tanhBackward", dy, each(x, z, (p, q) -> q * (1 - Math.pow(Math.tanh(p), 2))), EXACT);
    y = copyOf(a);
    backend.reciprocal(y, y);
    assertClose("reciprocal", y, each(35, i -> 1 / x[i]), EXACT);
    y = copyOf(a);
    backend.gelu(y, null, y);
    assertClose("gelu", y, Reference.gelu(x, null), EXACT);
    y = copyOf(a);
    backend.swiglu(y, b, y);
    assertClose("swiglu", y, Reference.swiglu(x, z), EXACT);
  }

  @ParameterizedTest(name = "[{0}, {1}]")
  @CsvSource({"1,1", "1,7", "5,1", "3,16", "9,33", "2,770"})
  void geluIsExactWithAndWithoutBias(int rows, int columns) {
    Tensor x = normal(rows, columns);
    backend.scale(3, x, x);
    Tensor bias = normal(columns);
    Tensor dy = normal(rows, columns);
    for (Tensor shift : new Tensor[] {bias, null}) {
      double[] shiftValues = shift == null ? null : host(shift);
      Tensor y = output(rows, columns);
      backend.gelu(x, shift, y);
      assertClose("gelu", y, Reference.gelu(host(x), shiftValues), EXACT);
      Tensor dx = output(rows, columns);
      backend.geluBackward(x, shift, dy, dx);
      // Element by element, so the gradient for the sum of dy·y needs one difference per element.
      double[] xs = host(x);
      double[] ds = host(dy);
      double[] expected =
          each(
              xs.length,
              i -> {
                double at = shift == null ? xs[i] : xs[i] + shiftValues[i % columns];
                return ds[i] * (Reference.gelu(at + 1e-5) - Reference.gelu(at - 1e-5)) / 2e-5;
              });
      assertClose("geluBackward", dx, expected, 1e-5);
      Tensor same = copyOf(dy);
      backend.geluBackward(x, shift, same, same);
      assertClose("geluBackward in place", same, expected, 1e-5);
    }
  }

  @Test
  void geluIsExactFarFromZero() {
    float[] far = {-40, -10, -6, -4.5f, -3, -1e-4f, 0, 1e-4f, 3, 4.5f, 6, 10, 40};
    Tensor y = output(far.length);
    backend.gelu(upload(far, far.length), null, y);
    assertClose("gelu", y, Reference.gelu(doubles(far), null), EXACT);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 16, 37})
  void swigluAndItsGradients(int n) {
    Tensor gate = normal(n);
    Tensor up = normal(n);
    Tensor dy = normal(n);
    Tensor y = output(n);
    backend.swiglu(gate, up, y);
    double[] g = host(gate);
    double[] u = host(up);
    assertClose("swiglu", y, Reference.swiglu(g, u), EXACT);
    Tensor dGate = output(n);
    Tensor dUp = output(n);
    backend.swigluBackward(gate, up, dy, dGate, dUp);
    assertClose("dGate", dGate, Reference.gradient(v -> Reference.swiglu(v, u), g, host(dy)), 1e-5);
    assertClose("dUp", dUp, Reference.gradient(v -> Reference.swiglu(g, v), u, host(dy)), 1e-5);
  }

  @ParameterizedTest
  @ValueSource(floats = {0.1f, 0.5f, 0.9f})
  void dropoutKeepsWhatTheHashKeeps(float p) {
    int n = 3001;
    long seed = 0x1234_5678_9ABC_DEF0L;
    Tensor x = normal(n);
    double[] values = host(x);
    double[] expected = each(n, i -> Dropout.keeps(seed, i, p) ? values[i] / (1 - p) : 0);
    Tensor y = output(n);
    backend.dropout(x, p, HostKernels.seed(backend, seed), y);
    assertClose("dropout", y, expected, EXACT);
    backend.dropout(x, p, HostKernels.seed(backend, seed), x);
    assertClose("dropout in place", x, expected, EXACT);
    long kept = Arrays.stream(expected).filter(v -> v != 0).count();
    assertThat(kept / (double) n).isCloseTo(1 - p, within(0.04));
  }

  // ---- rows and columns

  @ParameterizedTest(name = "[{0}, {1}]")
  @CsvSource({"1,1", "1,9", "9,1", "2,3", "7,13", "16,32", "33,65", "130,17"})
  void rowAndColumnKernelsMatchTheirFormulas(int rows, int columns) {
    Tensor x = normal(rows, columns);
    Tensor z = normal(rows, columns);
    Tensor row = normal(columns);
    Tensor column = normal(rows);
    double[] a = host(x);
    double[] b = host(z);
    double[] r = host(row);
    double[] c = host(column);
    int size = rows * columns;
    for (boolean inPlace : new boolean[] {false, true}) {
      Tensor y = inPlace ? copyOf(x) : output(rows, columns);
      backend.addRow(inPlace ? y : x, row, y);
      assertClose("addRow", y, each(size, i -> a[i] + r[i % columns]), EXACT);
      y = inPlace ? copyOf(x) : output(rows, columns);
      backend.multiplyRow(inPlace ? y : x, row, y);
      assertClose("multiplyRow", y, each(size, i -> a[i] * r[i % columns]), EXACT);
      y = inPlace ? copyOf(x) : output(rows, columns);
      backend.multiplyColumn(inPlace ? y : x, column, y);
      assertClose("multiplyColumn", y, each(size, i -> a[i] * c[i / columns]), EXACT);
    }
    double[] sums = new double[columns];
    double[] rowDots = new double[columns];
    double[] columnDots = new double[rows];
    double[] squares = new double[rows];
    for (int i = 0; i < size; i++) {
      sums[i % columns] += a[i];
      rowDots[i % columns] += a[i] * b[i];
      columnDots[i / columns] += a[i] * b[i];
      squares[i / columns] += a[i] * a[i];
    }
    Tensor byColumn = output(columns);
    Tensor byRow = output(rows);
    backend.sumRows(x, 0, byColumn);
    assertClose("sumRows", byColumn, sums, SUMMED);
    backend.sumRows(x, 1, byColumn);
    assertClose("sumRows added", byColumn, each(columns, j -> 2 * sums[j]), SUMMED);
    backend.dotRows(x, z, 0, byColumn);
    assertClose("dotRows", byColumn, rowDots, SUMMED);
    backend.dotRows(x, z, 0.5f, byColumn);
    assertClose("dotRows added", byColumn, each(columns, j -> 1.5 * rowDots[j]), SUMMED);
    backend.dotColumns(x, z, 0, byRow);
    assertClose("dotColumns", byRow, columnDots, SUMMED);
    backend.dotColumns(x, z, 1, byRow);
    assertClose("dotColumns added", byRow, each(rows, i -> 2 * columnDots[i]), SUMMED);
    backend.rowNorms(x, byRow);
    assertClose("rowNorms", byRow, each(rows, i -> Math.sqrt(squares[i])), SUMMED);
  }
}
