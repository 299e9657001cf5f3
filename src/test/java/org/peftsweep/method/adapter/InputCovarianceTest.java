package org.peftsweep.method.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.compute.Lapack;

/** The start of CorDA beside PEFT's. */
class InputCovarianceTest {
  private static final Path CASES = Path.of("src/test/resources/golden/start");

  @ParameterizedTest
  @ValueSource(strings = {"corda_ipm", "corda_kpm", "corda_few"})
  void givesTheReferencesStart(String name) {
    try (GoldenCase golden = GoldenCase.open(CASES.resolve(name))) {
      int out = golden.shape("weight")[0];
      int in = golden.shape("weight")[1];
      int rank = golden.manifest().path("config").path("rank").asInt();
      double alpha = golden.manifest().path("config").path("alpha").asDouble();
      boolean isLargest = golden.manifest().path("config").path("subspace").asText().equals("ipm");
      InputCovariance covariance = new InputCovariance(in);
      for (int i = 0; golden.has("in/" + i); i++) {
        covariance.add(doubles(golden.floats("in/" + i)), golden.shape("in/" + i)[0]);
      }
      LowRankStart start =
          covariance.start(doubles(golden.floats("weight")), out, rank, alpha / rank, isLargest);
      double[] product =
          Lapack.product(false, doubles(start.b()), doubles(start.a()), out, in, rank);
      golden.check("ba", floats(product));
      for (int i = 0; i < rank; i++) {
        assertThat(norm(start.a(), i * in, 1, in))
            .isCloseTo(norm(golden.floats("a"), i * in, 1, in), within(1e-3));
        assertThat(norm(start.b(), i, rank, out))
            .isCloseTo(norm(golden.floats("b"), i, rank, out), within(1e-3));
      }
    }
  }

  @Test
  void allSingularValuesGiveTheWholeWeight() {
    double[] w = new SplittableRandom(1).doubles(5 * 7, -1, 1).toArray();
    InputCovariance covariance = new InputCovariance(7);
    for (long seed : List.of(2L, 3L)) {
      covariance.add(new SplittableRandom(seed).doubles(9 * 7, -1, 2).toArray(), 9);
    }
    LowRankStart start = covariance.start(w.clone(), 5, 5, 0.5, true);
    double[] product = Lapack.product(false, doubles(start.b()), doubles(start.a()), 5, 7, 5);
    for (int i = 0; i < w.length; i++) {
      assertThat(0.5 * product[i]).isCloseTo(w[i], within(1e-4));
    }
  }

  private static double norm(float[] values, int from, int step, int count) {
    double squares = 0;
    for (int i = 0; i < count; i++) {
      squares += values[from + i * step] * values[from + i * step];
    }
    return Math.sqrt(squares);
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }
}
