package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.cpu.CpuBackend;

/** Products of factors that are rounded to bf16, beside products of their rounded values. */
class CpuHalfProductsTest extends BackendFixture {
  private static final double SUMMED = 2e-5;

  private Products products;

  @Override
  protected Backend open() {
    return new CpuBackend(2);
  }

  @BeforeAll
  void openProducts() {
    assumeTrue(Backends.refusal(ElementType.BF16).isEmpty(), "this processor has no such products");
    products = backend.products(ElementType.BF16);
  }

  private static double[] rounded(float[] values) {
    double[] rounded = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      rounded[i] = BFloat16.toFloat(BFloat16.of(values[i]));
    }
    return rounded;
  }

  /** The same values where trials share them, which products keep in an order of their own. */
  private Tensor shared(ElementType type, Tensor x) {
    Memory memory = backend.allocateShared(type.floats(x.size() + 32));
    Tensor shared = new Tensor(type, memory, 16, x.shape());
    backend.copy(x, shared);
    return shared;
  }

  /** Activations in a row, each of whose inputs is kept for the way back. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void activationsKeepHalvesForTheWayBack(boolean isGated) {
    long[] peaks = new long[2];
    float[][] gradients = new float[2][];
    float[] values = normals(700 * 96);
    for (int i = 0; i < 2; i++) {
      Tensor x = upload(values, 700, 96);
      Tensor gradient = output(700, 96);
      Var first = Var.parameter(x, gradient);
      try (Tape tape = new Tape(backend)) {
        tape.multiplyIn(i == 0 ? ElementType.F32 : ElementType.BF16);
        tape.startTraining(1);
        Var y = first;
        for (int layer = 0; layer < (isGated ? 2 : 8); layer++) {
          Var before = y;
          y = isGated ? tape.swiglu(before, before) : tape.gelu(before, null);
          tape.done(before);
        }
        HostKernels.meanSquaredError(tape, y, new float[700 * 96]);
        tape.backward();
        peaks[i] = tape.peakBytes();
      }
      gradients[i] = floats(gradient);
    }
    if (!isGated) {
      assertThat(peaks[1]).isLessThan(peaks[0] * 3 / 4);
    }
    double off = 0;
    double size = 0;
    for (int i = 0; i < gradients[0].length; i++) {
      off += Math.pow(gradients[1][i] - gradients[0][i], 2);
      size += Math.pow(gradients[0][i], 2);
    }
    assertThat(size).isPositive();
    assertThat(Math.sqrt(off / size)).isBetween(1e-5, 0.02);
  }

  @ParameterizedTest(name = "[{0}, {2}]·[{2}, {1}]")
  @CsvSource({
    "1,32,32",
    "33,32,64",
    "7,40,33",
    "64,64,64",
    "130,96,72",
    "301,128,512",
    "600,256,48"
  })
  void multiplyRoundedFactors(int m, int n, int k) {
    for (int bits = 0; bits < 4; bits++) {
      boolean ta = (bits & 1) != 0;
      boolean tb = (bits & 2) != 0;
      if (ta && m < 32) {
        continue;
      }
      Tensor a = ta ? normal(k, m) : normal(m, k);
      Tensor b = tb ? normal(n, k) : normal(k, n);
      double[] expected =
          Reference.gemm(ta, tb, 0.7, rounded(floats(a)), rounded(floats(b)), m, n, k);
      Tensor half = shared(ElementType.BF16, b);
      Tensor wide = shared(ElementType.F32, b);
      for (Tensor factor : new Tensor[] {b, half, wide}) {
        String what = "gemm " + ta + " " + tb + " by " + factor;
        Tensor c = normal(m, n);
        double[] before = host(c);
        products.gemm(ta, tb, 0.7f, a, factor, 0.3f, c);
        double[] sum =
            IntStream.range(0, m * n).mapToDouble(i -> expected[i] + 0.3 * before[i]).toArray();
        assertClose(what, c, sum, SUMMED * Math.sqrt(k));
        Tensor fresh = output(m, n);
        products.gemm(ta, tb, 0.7f, a, factor, 0, fresh);
        assertClose(what + " over NaN", fresh, expected, SUMMED * Math.sqrt(k));
      }
      backend.free(half.memory());
      backend.free(wide.memory());
    }
  }

  @ParameterizedTest
  @CsvSource({"1,32,32", "33,65,64", "300,96,128"})
  void projectWithABiasForAllOrForEachLane(int rows, int out, int in) {
    Tensor x = normal(rows, in);
    Tensor w = normal(out, in);
    Tensor bias = normal(out);
    double[] plain =
        Reference.gemm(false, true, 1, rounded(floats(x)), rounded(floats(w)), rows, out, in);
    double[] shift = host(bias);
    Tensor y = output(rows, out);
    products.linear(x, w, bias, y);
    double[] shifted =
        IntStream.range(0, rows * out).mapToDouble(i -> plain[i] + shift[i % out]).toArray();
    assertClose("linear with bias", y, shifted, SUMMED * Math.sqrt(in));
    Tensor lanes = output(rows, out);
    products.linear(x, w, new Tensor[] {bias, bias}, Lanes.of(rows / 3, rows - rows / 3), lanes);
    assertThat(floats(lanes)).containsExactly(floats(y));
    products.linear(x, w, new Tensor[] {null, bias}, Lanes.of(rows / 3, rows - rows / 3), lanes);
    float[] first = Arrays.copyOf(floats(lanes), rows / 3 * out);
    assertClose(
        "lane without bias",
        upload(first, rows / 3, out),
        Arrays.copyOf(plain, first.length),
        SUMMED * Math.sqrt(in));
  }

  @ParameterizedTest(name = "{0}: [{1}, {3}]·[{3}, {2}]")
  @CsvSource({
    "I8,1,32,32",
    "I8,301,128,512",
    "NF4,33,32,64",
    "NF4,7,40,33",
    "NF4,301,512,128",
    "NF4,40,33,4200",
    "NF4,9,16,64"
  })
  void multiplyRoundedValuesOfQuantisedWeights(ElementType type, int m, int n, int k) {
    float[] drawn = normals(n * k);
    for (boolean transposes : new boolean[] {true, false}) {
      int rows = transposes ? n : k;
      int columns = transposes ? k : n;
      Memory memory = backend.allocate(QuantisedMatrix.floats(type, rows, columns));
      QuantisedWeight w =
          QuantisedWeight.of(
              type,
              memory,
              rows,
              columns,
              (from, to, count) -> System.arraycopy(drawn, (int) from, to, 0, count),
              backend);
      Tensor values = output(rows, columns);
      w.copy(backend, values);
      Tensor a = normal(m, k);
      Tensor expected = output(m, n);
      products.gemm(false, transposes, 1, a, values, 0, expected);
      Tensor found = output(m, n);
      products.gemm(transposes, a, w.matrix(), 0, found);
      assertClose("product " + transposes, found, host(expected), SUMMED * Math.sqrt(k));
      Tensor sum = copyOf(found);
      products.gemm(transposes, a, w.matrix(), 1, sum);
      backend.scale(2, found, found);
      assertClose("sum " + transposes, sum, host(found), SUMMED * Math.sqrt(k));
      backend.free(memory);
    }
  }

  @ParameterizedTest
  @CsvSource({"128,512", "72,200"})
  void aRowOfAProductWithAQuantisedWeightIsTheSameAmongAnyOthers(int out, int in) {
    assumeTrue(products.sumsRowsAlike(40, out, in), "this processor adds up rows otherwise");
    float[] drawn = normals(out * in);
    Memory memory = backend.allocate(QuantisedMatrix.floats(ElementType.NF4, out, in));
    QuantisedWeight w =
        QuantisedWeight.of(
            ElementType.NF4,
            memory,
            out,
            in,
            (from, to, count) -> System.arraycopy(drawn, (int) from, to, 0, count),
            backend);
    Tensor x = normal(700, in);
    Tensor all = output(700, out);
    w.linear(products, x, null, all);
    float[] expected = floats(all);
    for (int i = 0; i < 6; i++) {
      int count = 1 + random.nextInt(i < 3 ? 40 : 400);
      int from = random.nextInt(700 - count + 1);
      Tensor some = output(count, out);
      w.linear(products, x.slice(from, count), null, some);
      assertThat(floats(some))
          .as("rows %d to %d", from, from + count)
          .containsExactly(Arrays.copyOfRange(expected, from * out, (from + count) * out));
    }
    backend.free(memory);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8, 31})
  void narrowFactorsAreNotRounded(int width) {
    Tensor x = normal(50, 64);
    Tensor a = normal(width, 64);
    Tensor expected = output(50, width);
    Tensor found = output(50, width);
    backend.linear(x, a, null, expected);
    products.linear(x, a, null, found);
    assertThat(floats(found)).containsExactly(floats(expected));
    Tensor wide = output(width, 64);
    Tensor gradient = output(width, 64);
    backend.gemm(true, false, 1, expected, x, 0, wide);
    products.gemm(true, false, 1, expected, x, 0, gradient);
    assertThat(floats(gradient)).containsExactly(floats(wide));
  }

  @ParameterizedTest
  @CsvSource({"32,32", "128,128", "128,512", "512,128", "72,200", "384,384"})
  void aRowIsTheSameAmongAnyOthersWhereSaidSo(int out, int in) {
    assumeTrue(products.sumsRowsAlike(40, out, in), "this processor adds up rows otherwise");
    Tensor x = normal(700, in);
    Tensor w = shared(ElementType.F32, normal(out, in));
    Tensor all = output(700, out);
    products.linear(x, w, null, all);
    float[] expected = floats(all);
    for (int i = 0; i < 12; i++) {
      int count = 1 + random.nextInt(i < 6 ? 40 : 400);
      int from = random.nextInt(700 - count + 1);
      Tensor some = output(count, out);
      products.linear(x.slice(from, count), w, null, some);
      assertThat(floats(some))
          .as("rows %d to %d", from, from + count)
          .containsExactly(Arrays.copyOfRange(expected, from * out, (from + count) * out));
    }
    backend.free(w.memory());
  }

  @Test
  void aTapeRoundsProductsOnly() {
    float[] gradients = gradients(ElementType.F32);
    float[] halves = gradients(ElementType.BF16);
    assertThat(halves).isNotEqualTo(gradients);
    assertClose("gradients", upload(halves, halves.length), doubles(gradients), 0.02);
  }

  private float[] gradients(ElementType factors) {
    random.setSeed(5);
    try (Tape tape = new Tape(backend)) {
      tape.multiplyIn(factors);
      Tensor gradient = normal(48, 64);
      Var w = Var.parameter(normal(48, 64), gradient);
      tape.startTraining(1);
      Var y = tape.linear(Var.constant(normal(40, 64)), w, null);
      int[] labels = random.ints(40, 0, 48).toArray();
      tape.crossEntropy(y, tape.ints(() -> labels));
      tape.backward();
      return floats(gradient);
    }
  }

  @Test
  void otherTypesAreRefused() {
    assertThat(backend.products(ElementType.F32)).isSameAs(backend);
    assertThatThrownBy(() -> backend.products(ElementType.I8))
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessageStartingWith("Cannot compute products in i8 on ");
    try (Backend reference = Backends.open("nd4j", 1)) {
      assertThatThrownBy(() -> reference.products(ElementType.BF16))
          .isInstanceOf(BackendUnavailableException.class)
          .hasMessageContaining("choose the backend cpu");
    }
  }
}
