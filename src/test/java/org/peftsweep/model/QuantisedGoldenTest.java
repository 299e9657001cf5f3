package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.DynamicTree;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.QuantisedWeight;
import org.peftsweep.compute.Tensor;

/** Quantised matrices beside what the definitions of bitsandbytes give. */
class QuantisedGoldenTest {
  private static final Path CASES =
      Path.of("src/test/resources/golden/quantised/weights.safetensors");
  private static final Map<ElementType, String> FORMATS =
      Map.of(ElementType.I8, "int8", ElementType.NF4, "nf4");

  static Stream<Arguments> cases() {
    return Stream.of("whole", "odd")
        .flatMap(name -> FORMATS.keySet().stream().map(type -> Arguments.of(name, type)));
  }

  @ParameterizedTest(name = "{0} in {1}")
  @MethodSource("cases")
  void elementsScalesAndValuesAreTheReferences(String name, ElementType type) {
    String prefix = name + "/" + FORMATS.get(type) + "/";
    try (SafeTensors file = SafeTensors.open(CASES);
        Backend backend = Backends.open("cpu", 1)) {
      float[] given = file.floats(name + "/weight");
      int rows = Math.toIntExact(file.info(name + "/weight").shape().get(0));
      int columns = given.length / rows;
      QuantisedWeight weight =
          QuantisedWeight.of(
              type,
              backend.allocate(QuantisedMatrix.floats(type, rows, columns)),
              rows,
              columns,
              (from, to, count) -> System.arraycopy(given, (int) from, to, 0, count),
              backend);
      boolean isRow = type == ElementType.I8;
      long[] elements = file.longs(prefix + (isRow ? "numbers" : "places"));
      assertThat(bytes(backend, weight, elements.length)).isEqualTo(elements);
      float[] values = new float[given.length];
      weight.read(backend, 0, values, 0, values.length);
      float[] expected = file.floats(prefix + "values");
      for (int i = 0; i < values.length; i++) {
        assertThat(values[i])
            .as("value %d", i)
            .isCloseTo(expected[i], within(2e-6f * Math.abs(expected[i])));
      }
      if (isRow) {
        float[] largest = new float[rows];
        Tensor scales = new Tensor(weight.matrix().memory(), weight.matrix().scalesAt(), rows);
        backend.read(scales, 0, largest, 0, rows);
        assertThat(largest).isEqualTo(file.floats(prefix + "largest"));
      }
    }
  }

  /** Returns the first bytes of a weight's elements, signed where they are numbers. */
  private static long[] bytes(Backend backend, QuantisedWeight weight, int count) {
    float[] words = new float[(count + 3) / 4];
    Tensor all = new Tensor(weight.matrix().memory(), 0, words.length);
    backend.read(all, 0, words, 0, words.length);
    long[] bytes = new long[count];
    Arrays.setAll(
        bytes,
        i -> {
          byte one = (byte) (Float.floatToRawIntBits(words[i / 4]) >> i % 4 * Byte.SIZE);
          return weight.type() == ElementType.I8 ? one : one & 0xFF;
        });
    return bytes;
  }

  @Test
  void theTreeIsTheReferences() {
    try (SafeTensors file = SafeTensors.open(CASES)) {
      float[] expected = file.floats("tree");
      float[] codes = DynamicTree.codes(true);
      for (int i = 0; i < codes.length; i++) {
        assertThat(codes[i]).isCloseTo(expected[i], within(2e-7f * Math.abs(expected[i])));
      }
    }
  }
}
