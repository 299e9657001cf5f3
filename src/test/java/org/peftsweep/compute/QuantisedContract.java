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

/** What {@link Backend} promises of quantised matrices, beside their values in double precision. */
abstract class QuantisedContract extends BackendFixture {
  private static final double EXACT = 2e-6;
  private static final double SUMMED = 2e-5;

  private final List<Memory> memories = new ArrayList<>();

  @AfterEach
  void freeWeights() {
    memories.forEach(backend::free);
    memories.clear();
  }

  QuantisedWeight quantised(ElementType type, float[] values, int rows, int columns) {
    Memory memory = backend.allocate(QuantisedMatrix.floats(type, rows, columns));
    memories.add(memory);
    return QuantisedWeight.of(
        type,
        memory,
        rows,
        columns,
        (from, to, count) -> System.arraycopy(values, (int) from, to, 0, count),
        backend);
  }

  private QuantisedWeight quantised(ElementType type, int rows, int columns) {
    return quantised(type, normals(rows * columns), rows, columns);
  }

  float[] values(QuantisedWeight weight) {
    float[] values = new float[(int) weight.size()];
    weight.read(backend, 0, values, 0, values.length);
    return values;
  }

  /** The error is at most half the distance of two codes, and that of their scale. */
  @ParameterizedTest
  @CsvSource({"I8,1,1", "I8,7,31", "I8,70,200", "NF4,1,1", "NF4,3,21", "NF4,130,77", "NF4,300,64"})
  void holdsValuesNearThoseGiven(ElementType type, int rows, int columns) {
    float[] given = normals(rows * columns);
    QuantisedWeight weight = quantised(type, given, rows, columns);
    float[] held = values(weight);
    for (int i = 0; i < given.length; i++) {
      boolean isRow = type == ElementType.I8;
      int from = isRow ? i / columns * columns : i / 64 * 64;
      int to = isRow ? from + columns : Math.min(given.length, from + 64);
      double most = 0;
      for (int j = from; j < to; j++) {
        most = Math.max(most, Math.abs(given[j]));
      }
      assertThat(Math.abs(held[i] - given[i])).isLessThan((float) (most * (isRow ? 0.004 : 0.18)));
    }
    assertThat(weight.bytes()).isEqualTo(4 * weight.matrix().memory().floats());
    assertThat(weight.shape()).containsExactly(rows, columns);
  }

  @ParameterizedTest
  @CsvSource({"I8", "NF4"})
  void zerosStayZerosAndPartsAreReadAsTheWhole(ElementType type) {
    int columns = 37;
    float[] given = normals(90 * columns);
    Arrays.fill(given, 5 * columns, 11 * columns, 0);
    QuantisedWeight weight = quantised(type, given, 90, columns);
    float[] whole = values(weight);
    assertThat(Arrays.copyOfRange(whole, 5 * columns, 11 * columns)).containsOnly(0);
    for (int i = 0; i < 40; i++) {
      int from = random.nextInt(whole.length);
      int count = random.nextInt(Math.min(300, whole.length - from) + 1);
      float[] part = new float[count + 3];
      weight.read(backend, from, part, 2, count);
      assertThat(Arrays.copyOfRange(part, 2, 2 + count))
          .containsExactly(Arrays.copyOfRange(whole, from, from + count));
    }
  }

  @ParameterizedTest(name = "{0}: [{1}, {3}]·[{3}, {2}]")
  @CsvSource({
    "I8,1,1,1",
    "I8,3,4,5",
    "I8,33,65,17",
    "I8,40,300,128",
    "NF4,1,1,1",
    "NF4,3,4,5",
    "NF4,13,7,129",
    "NF4,33,65,17",
    "NF4,40,96,128",
    "NF4,260,200,70"
  })
  void multipliesByItsValues(ElementType type, int m, int n, int k) {
    for (boolean transposes : new boolean[] {true, false}) {
      QuantisedWeight w = quantised(type, transposes ? n : k, transposes ? k : n);
      Tensor a = normal(m, k);
      double[] expected =
          Reference.gemm(false, transposes, 1, host(a), doubles(values(w)), m, n, k);
      Tensor fresh = output(m, n);
      backend.gemm(transposes, a, w.matrix(), 0, fresh);
      assertClose("over NaN " + transposes, fresh, expected, SUMMED);
      Tensor c = normal(m, n);
      double[] before = host(c);
      backend.gemm(transposes, a, w.matrix(), 0.3f, c);
      double[] sum =
          IntStream.range(0, m * n).mapToDouble(i -> expected[i] + 0.3 * before[i]).toArray();
      assertClose("added " + transposes, c, sum, SUMMED);
    }
  }

  @ParameterizedTest
  @CsvSource({"I8,5,33,17", "NF4,5,33,17", "NF4,64,64,128"})
  void projectsWithABiasForEachLane(ElementType type, int n, int out, int in) {
    Tensor x = normal(n, in);
    QuantisedWeight w = quantised(type, out, in);
    Tensor bias = normal(out);
    double[] plain = Reference.gemm(false, true, 1, host(x), doubles(values(w)), n, out, in);
    double[] shift = host(bias);
    Tensor y = output(n, out);
    w.linear(backend, x, null, y);
    assertClose("linear", y, plain, SUMMED);
    w.linear(backend, x, bias, y);
    double[] shifted =
        IntStream.range(0, n * out).mapToDouble(i -> plain[i] + shift[i % out]).toArray();
    assertClose("linear with bias", y, shifted, SUMMED);
    w.linear(backend, x, new Tensor[] {null, bias}, Lanes.of(2, n - 2), y);
    double[] mixed =
        IntStream.range(0, n * out).mapToDouble(i -> i < 2 * out ? plain[i] : shifted[i]).toArray();
    assertClose("lanes", y, mixed, SUMMED);
    Tensor dx = normal(n, in);
    Tensor dy = normal(n, out);
    w.linearBackward(backend, dy, 0, dx);
    assertClose(
        "gradient",
        dx,
        Reference.gemm(false, false, 1, host(dy), doubles(values(w)), n, in, out),
        SUMMED);
  }

  @ParameterizedTest
  @CsvSource({"I8,1", "I8,37", "I8,256", "NF4,1", "NF4,37", "NF4,256"})
  void givesRowsNormsAndCopies(ElementType type, int columns) {
    QuantisedWeight table = quantised(type, 9, columns);
    float[] values = values(table);
    int[] ids = {8, 0, 3, 3, 7};
    Tensor out = normal(ids.length, columns);
    double[] before = host(out);
    double[] rows = new double[before.length];
    double[] sums = new double[before.length];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = values[ids[i / columns] * columns + i % columns];
      sums[i] = before[i] + rows[i];
    }
    table.gather(backend, HostKernels.ints(backend, ids), true, out);
    assertClose("added rows", out, sums, EXACT);
    table.gather(backend, HostKernels.ints(backend, ids), false, out);
    assertClose("rows", out, rows, EXACT);
    Tensor all = output(9, columns);
    table.copy(backend, all);
    assertClose("copy", all, doubles(values), EXACT);
    Tensor norms = output(9);
    table.rowNorms(backend, norms);
    double[] expected = new double[9];
    for (int i = 0; i < values.length; i++) {
      expected[i / columns] += (double) values[i] * values[i];
    }
    assertClose(
        "norms",
        norms,
        IntStream.range(0, 9).mapToDouble(i -> Math.sqrt(expected[i])).toArray(),
        EXACT);
    for (int id : new int[] {9, -1}) {
      assertThatThrownBy(
              () -> table.gather(backend, HostKernels.ints(backend, id), false, out.slice(0, 1)))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void isRefusedWhereFloatsAreNeeded() {
    QuantisedWeight weight = quantised(ElementType.NF4, 4, 6);
    assertThatThrownBy(weight::tensor)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("Cannot read NF4 [4, 6] as 32-bit floats: copy it, or use its products");
    assertThatThrownBy(() -> backend.gemm(true, normal(3, 5), weight.matrix(), 0, output(3, 4)))
        .isInstanceOf(RuntimeException.class);
  }

  @ParameterizedTest
  @CsvSource({"I8", "NF4"})
  void aTapeLearnsThroughItAsThroughItsValues(ElementType type) {
    QuantisedWeight weight = quantised(type, 40, 72);
    Tensor wide = upload(values(weight), 40, 72);
    Tensor x = normal(11, 72);
    List<float[]> results = new ArrayList<>();
    for (Var w : List.of(Var.frozen(weight), Var.constant(wide))) {
      try (Tape tape = new Tape(backend)) {
        random.setSeed(3);
        Tensor gradient = normal(72);
        Var scale = Var.parameter(normal(72), gradient);
        tape.startTraining(1);
        Var y = tape.linear(tape.multiplyRow(Var.constant(x), scale), w, null);
        HostKernels.crossEntropy(tape, y, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        tape.backward();
        results.add(floats(y.value()));
        results.add(floats(gradient));
      }
    }
    assertClose("output", upload(results.get(0), 440), doubles(results.get(2)), SUMMED);
    assertClose("gradient", upload(results.get(1), 72), doubles(results.get(3)), SUMMED);
  }
}
