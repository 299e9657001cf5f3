package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@link Backend} promises of tensors that are stored as bf16. */
abstract class StorageContract extends BackendFixture {
  private static final double EXACT = 2e-6;
  private static final double SUMMED = 2e-5;
  private static final float BEFORE = -3;

  private final List<Memory> halves = new ArrayList<>();

  @AfterEach
  void freeHalves() {
    halves.forEach(backend::free);
    halves.clear();
  }

  /** Stores values between others, from an even or odd element on. */
  private Tensor half(int offset, float[] values, int... shape) {
    Memory memory = backend.allocate(ElementType.BF16.floats(offset + values.length + 4));
    halves.add(memory);
    int all = Math.toIntExact(2 * memory.floats());
    float[] around = new float[all];
    Arrays.fill(around, BEFORE);
    backend.write(around, 0, new Tensor(ElementType.BF16, memory, 0, all), 0, all);
    Tensor half = new Tensor(ElementType.BF16, memory, offset, shape);
    backend.write(values, 0, half, 0, values.length);
    return half;
  }

  private Tensor half(int... shape) {
    return half(5, normals((int) Tensor.sizeOf(shape)), shape);
  }

  private static float[] rounded(float[] values) {
    float[] rounded = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      rounded[i] = BFloat16.toFloat(BFloat16.of(values[i]));
    }
    return rounded;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 7})
  void writesRoundedAndReadsExactly(int offset) {
    for (int size : new int[] {1, 2, 15, 16, 33, 70_001}) {
      float[] values = normals(size);
      values[size / 2] = Float.NaN;
      Tensor half = half(offset, values, size);
      assertThat(floats(half)).containsExactly(rounded(values));
      float[] all = new float[(int) (2 * half.memory().floats())];
      backend.read(
          new Tensor(ElementType.BF16, half.memory(), 0, all.length), 0, all, 0, all.length);
      for (int i = 0; i < all.length; i++) {
        if (i < offset || i >= offset + size) {
          assertThat(all[i]).as("around, at %d", i).isEqualTo(BEFORE);
        }
      }
    }
  }

  @Test
  void writesAndReadsParts() {
    Tensor half = half(4, 5);
    float[] expected = floats(half);
    backend.write(new float[] {9, 1.5f, 2, 3, 9}, 1, half, 7, 3);
    System.arraycopy(new float[] {1.5f, 2, 3}, 0, expected, 7, 3);
    assertThat(floats(half)).containsExactly(expected);
    assertThat(floats(half.slice(1, 2))).containsExactly(Arrays.copyOfRange(expected, 5, 15));
    float[] part = new float[6];
    backend.read(half, 6, part, 2, 3);
    assertThat(part).containsExactly(0, 0, expected[6], 1.5f, 2, 0);
  }

  @ParameterizedTest
  @CsvSource({"1,1", "3,5", "7,31", "16,64", "129,517"})
  void copiesFromEitherTypeToTheOther(int rows, int columns) {
    float[] values = normals(rows * columns);
    values[0] = Float.NaN;
    values[values.length / 2] = Float.NEGATIVE_INFINITY;
    values[values.length - 1] = Float.intBitsToFloat(0x7F7F_FFFF);
    values[values.length / 3] = Float.intBitsToFloat(0xFFFF_FFFF);
    Tensor x = upload(values, rows, columns);
    Tensor half = half(rows, columns);
    backend.copy(x, half);
    float[] rounded = rounded(floats(x));
    assertThat(floats(half)).containsExactly(rounded);
    Tensor back = output(rows, columns);
    backend.copy(half, back);
    assertThat(floats(back)).containsExactly(rounded);
    Tensor other = half(rows, columns);
    backend.copy(half, other);
    assertThat(floats(other)).containsExactly(rounded);
  }

  @ParameterizedTest(name = "[{0}, {2}]·[{2}, {1}]")
  @CsvSource({
    "1,1,1",
    "1,5,3",
    "5,1,3",
    "5,3,1",
    "7,1,1",
    "3,4,5",
    "17,19,23",
    "33,8,64",
    "13,64,129",
    "64,48,200",
    "40,300,70"
  })
  void multipliesByItAsByItsValues(int m, int n, int k) {
    for (int bits = 0; bits < 4; bits++) {
      boolean ta = (bits & 1) != 0;
      boolean tb = (bits & 2) != 0;
      Tensor a = ta ? normal(k, m) : normal(m, k);
      Tensor b = tb ? half(n, k) : half(k, n);
      Tensor c = normal(m, n);
      double[] expected = Reference.gemm(ta, tb, 0.7, host(a), host(b), m, n, k);
      double[] before = host(c);
      double[] sum =
          IntStream.range(0, m * n).mapToDouble(i -> expected[i] + 0.3 * before[i]).toArray();
      backend.gemm(ta, tb, 0.7f, a, b, 0.3f, c);
      assertClose("gemm " + ta + " " + tb, c, sum, SUMMED);
      Tensor fresh = output(m, n);
      backend.gemm(ta, tb, 0.7f, a, b, 0, fresh);
      assertClose("gemm over NaN " + ta + " " + tb, fresh, expected, SUMMED);
    }
  }

  @ParameterizedTest
  @CsvSource({"1,1,1", "4,3,7", "33,65,17", "40,96,128"})
  void projects(int n, int out, int in) {
    Tensor x = normal(n, in);
    Tensor w = half(out, in);
    Tensor bias = normal(out);
    double[] plain = Reference.gemm(false, true, 1, host(x), host(w), n, out, in);
    double[] shift = host(bias);
    Tensor y = output(n, out);
    backend.linear(x, w, null, y);
    assertClose("linear", y, plain, SUMMED);
    backend.linear(x, w, bias, y);
    double[] shifted =
        IntStream.range(0, n * out).mapToDouble(i -> plain[i] + shift[i % out]).toArray();
    assertClose("linear with bias", y, shifted, SUMMED);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 16, 37, 768})
  void takesRowsAndTheirNorms(int columns) {
    Tensor table = half(9, columns);
    float[] values = floats(table);
    int[] ids = {8, 0, 3, 3, 7};
    Tensor out = normal(ids.length, columns);
    double[] before = host(out);
    backend.gather(table, HostKernels.ints(backend, ids), true, out);
    double[] sums = new double[before.length];
    double[] plain = new double[before.length];
    for (int i = 0; i < sums.length; i++) {
      plain[i] = values[ids[i / columns] * columns + i % columns];
      sums[i] = before[i] + plain[i];
    }
    assertClose("added rows", out, sums, EXACT);
    backend.gather(table, HostKernels.ints(backend, ids), false, out);
    assertClose("rows", out, plain, 0);
    Tensor norms = output(9);
    backend.rowNorms(table, norms);
    double[] expected = new double[9];
    for (int i = 0; i < values.length; i++) {
      expected[i / columns] += (double) values[i] * values[i];
    }
    assertClose(
        "norms",
        norms,
        IntStream.range(0, 9).mapToDouble(i -> Math.sqrt(expected[i])).toArray(),
        EXACT);
    assertThatThrownBy(
            () -> backend.gather(table, HostKernels.ints(backend, 9), false, out.slice(0, 1)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(
            () -> backend.gather(table, HostKernels.ints(backend, -1), false, out.slice(0, 1)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void isRefusedWhereFloatsAreNeeded() {
    Tensor half = half(4, 6);
    Tensor x = normal(4, 6);
    assertThatThrownBy(() -> backend.addScaled(1, half, x))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("BF16 [4, 6]");
    assertThatThrownBy(() -> backend.gemm(false, true, 1, half, x, 0, output(4, 4)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("BF16 [4, 6]");
    assertThatThrownBy(() -> backend.scale(1, x, half))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("BF16 [4, 6]");
  }

  @Test
  void aTapeLearnsThroughItAsThroughItsValues() {
    Tensor half = half(9, 16);
    Tensor wide = output(9, 16);
    backend.copy(half, wide);
    int[] ids = {1, 8, 4, 4, 0};
    List<float[]> results = new ArrayList<>();
    for (Var w : List.of(Var.frozen(new DenseWeight(half)), Var.constant(wide))) {
      try (Tape tape = new Tape(backend)) {
        random.setSeed(3);
        Tensor gradient = normal(16);
        Var scale = Var.parameter(normal(16), gradient);
        tape.startTraining(1);
        Var rows = tape.gather(w, tape.ints(() -> ids));
        Var scaled = tape.multiplyRow(rows, scale);
        Var y = tape.linear(scaled, w, null);
        HostKernels.crossEntropy(tape, y, 1, 2, 3, 4, 5);
        tape.backward();
        results.add(floats(y.value()));
        results.add(floats(gradient));
      }
    }
    assertClose("output", upload(results.get(0), 45), doubles(results.get(2)), EXACT);
    assertClose("gradient", upload(results.get(1), 16), doubles(results.get(3)), EXACT);
  }
}
