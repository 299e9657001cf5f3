package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.cuda.EmulatedBackends;

/** Products of the {@code cuda} backend whose factors are rounded to 16 bits. */
class CudaProductsTest extends BackendFixture {
  private static final double SUMMED = 2e-5;

  @Override
  protected Backend open() {
    return EmulatedBackends.open(7);
  }

  private static double[] rounded(float[] values) {
    double[] rounded = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      rounded[i] = BFloat16.toFloat(BFloat16.of(values[i]));
    }
    return rounded;
  }

  private Tensor half(Tensor x) {
    Memory memory = backend.allocate(ElementType.BF16.floats(x.size() + 3));
    Tensor half = new Tensor(ElementType.BF16, memory, 3, x.shape());
    backend.copy(x, half);
    return half;
  }

  @ParameterizedTest(name = "[{0}, {2}]·[{2}, {1}]")
  @CsvSource({"1,32,32", "33,32,64", "40,40,33", "130,96,72"})
  void roundFactors(int m, int n, int k) {
    Products products = backend.products(ElementType.BF16);
    for (int bits = 0; bits < 4; bits++) {
      boolean ta = (bits & 1) != 0;
      boolean tb = (bits & 2) != 0;
      if (ta && m < 32) {
        continue;
      }
      Tensor a = ta ? normal(k, m) : normal(m, k);
      Tensor b = tb ? normal(n, k) : normal(k, n);
      Tensor half = half(b);
      double[] expected =
          Reference.gemm(ta, tb, 0.7, rounded(floats(a)), rounded(floats(b)), m, n, k);
      for (Tensor factor : new Tensor[] {b, half}) {
        Tensor c = normal(m, n);
        double[] before = host(c);
        products.gemm(ta, tb, 0.7f, a, factor, 0.3f, c);
        double[] sum =
            IntStream.range(0, m * n).mapToDouble(i -> expected[i] + 0.3 * before[i]).toArray();
        assertClose("gemm " + ta + " " + tb, c, sum, SUMMED * Math.sqrt(k));
      }
      backend.free(half.memory());
    }
  }

  /** Rank 8 and the like: as on processors. */
  @Test
  void areInThirtyTwoBitsWhereAFactorIsNarrow() {
    Products products = backend.products(ElementType.BF16);
    Tensor x = normal(40, 64);
    Tensor w = normal(31, 64);
    Tensor y = output(40, 31);
    products.linear(x, w, null, y);
    assertClose("linear", y, Reference.gemm(false, true, 1, host(x), host(w), 40, 31, 64), SUMMED);
  }

  /** As many rows as one block adds up, one more, and such that a part is not whole. */
  @ParameterizedTest
  @CsvSource({"256, 8, 40", "257, 40, 8", "700, 31, 33", "513, 1, 1"})
  void addUpManyRowsOfNarrowFactorsInParts(int k, int m, int n) {
    Tensor a = normal(k, m);
    Tensor b = normal(k, n);
    Tensor c = normal(m, n);
    double[] before = host(c);
    double[] product = Reference.gemm(true, false, 0.7, host(a), host(b), m, n, k);
    double[] sum =
        IntStream.range(0, m * n).mapToDouble(i -> product[i] + 0.3 * before[i]).toArray();
    backend.gemm(true, false, 0.7f, a, b, 0.3f, c);
    assertClose("gemm", c, sum, SUMMED * Math.sqrt(k));
  }

  /** What was rounded for the product before must not stand for values that came since. */
  @Test
  void roundAFactorAnewOnceItChanged() {
    Products products = backend.products(ElementType.BF16);
    Tensor w = normal(48, 48);
    Tensor x = normal(48, 48);
    Tensor y = output(48, 48);
    products.linear(x, w, null, y);
    products.linear(x, w, null, y);
    check(x, w, y);
    backend.scale(2, x, x);
    products.linear(x, w, null, y);
    check(x, w, y);
    float[] values = normals(48 * 48);
    backend.write(values, 0, x, 0, values.length);
    products.linear(x, w, null, y);
    check(x, w, y);
    // A product's own output, then a part of it.
    products.gemm(false, true, 1, w, w, 0, x);
    products.linear(x, w, null, y);
    check(x, w, y);
    products.gemm(false, true, 1, w.slice(0, 32), w, 0, x.slice(7, 32));
    products.linear(x, w, null, y);
    check(x, w, y);
  }

  private void check(Tensor x, Tensor w, Tensor y) {
    double[] expected =
        Reference.gemm(false, true, 1, rounded(floats(x)), rounded(floats(w)), 48, 48, 48);
    assertClose("linear", y, expected, SUMMED * 7);
  }

  @Test
  void projectWithABiasForEachLane() {
    Products products = backend.products(ElementType.BF16);
    Tensor x = normal(50, 40);
    Tensor w = normal(33, 40);
    Tensor bias = normal(33);
    Tensor whole = output(50, 33);
    products.linear(x, w, bias, whole);
    Tensor lanes = output(50, 33);
    products.linear(x, w, new Tensor[] {bias, bias}, Lanes.of(20, 30), lanes);
    assertThat(floats(lanes)).containsExactly(floats(whole));
    products.linear(x, w, new Tensor[] {null, bias}, Lanes.of(20, 30), lanes);
    assertThat(Arrays.copyOfRange(floats(lanes), 20 * 33, 50 * 33))
        .containsExactly(Arrays.copyOfRange(floats(whole), 20 * 33, 50 * 33));
  }

  /** As {@link Products#sumsRowsAlike} says, on which packs rely. */
  @ParameterizedTest
  @CsvSource({"F32", "TF32", "BF16"})
  void addUpARowAlikeAloneAndAmongOthers(ElementType factors) {
    Products products = backend.products(factors);
    Tensor x = normal(61, 132);
    Tensor w = normal(97, 132);
    Tensor whole = output(61, 97);
    products.linear(x, w, null, whole);
    float[] expected = floats(whole);
    for (int rows : new int[] {1, 3, 8, 19, 42}) {
      Tensor some = output(rows, 97);
      products.linear(x.slice(61 - rows, rows), w, null, some);
      assertThat(floats(some))
          .containsExactly(Arrays.copyOfRange(expected, (61 - rows) * 97, 61 * 97));
    }
  }

  @Test
  void roundToTenBitsWhereAskedTo() {
    Products products = backend.products(ElementType.TF32);
    Tensor x = normal(40, 64);
    Tensor w = normal(48, 64);
    Tensor y = output(40, 48);
    products.linear(x, w, null, y);
    assertClose("linear", y, Reference.gemm(false, true, 1, host(x), host(w), 40, 48, 64), 1e-2);
  }

  /** A plan keeps what its kernels were given, and reads what lies there when it runs. */
  @Test
  void runAgainOnOtherValuesAsAGraph() {
    Products products = backend.products(ElementType.BF16);
    Tensor x = normal(48, 48);
    Tensor w = normal(48, 48);
    Tensor y = output(48, 48);
    Tensor z = output(48, 48);
    Runnable kernels =
        () -> {
          products.linear(x, w, null, y);
          backend.gelu(y, null, z);
          products.linear(z, w, null, y);
        };
    kernels.run();
    Runnable plan = backend.plan(kernels);
    for (int i = 0; i < 2; i++) {
      float[] values = normals(48 * 48);
      backend.write(values, 0, x, 0, values.length);
      plan.run();
      float[] planned = floats(y);
      kernels.run();
      assertThat(floats(y)).containsExactly(planned);
    }
  }
}
