package org.peftsweep.method.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Lapack;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** The start of LoRA-GA beside PEFT's, and its gradients beside those of full fine-tuning. */
class GradientStartTest {
  private static final Path CASES = Path.of("src/test/resources/golden/start");
  private static final Map<String, GradientStart.Direction> DIRECTIONS =
      Map.of(
          "ArB2r", GradientStart.Direction.A_FIRST,
          "A2rBr", GradientStart.Direction.B_FIRST,
          "ArBr", GradientStart.Direction.ALTERNATING);
  private static final Map<String, GradientStart.Scale> SCALES =
      Map.of(
          "stable", GradientStart.Scale.STABLE,
          "unit", GradientStart.Scale.UNIT,
          "gd_scale", GradientStart.Scale.STEP);

  @ParameterizedTest
  @ValueSource(strings = {"loraga_stable", "loraga_unit", "loraga_gd"})
  void givesTheReferencesStart(String name) {
    try (GoldenCase golden = GoldenCase.open(CASES.resolve(name))) {
      int out = golden.shape("weight")[0];
      int in = golden.shape("weight")[1];
      var config = golden.manifest().path("config");
      int rank = config.path("rank").asInt();
      LowRankStart start =
          GradientStart.of(
              doubles(golden.floats("gradient")),
              doubles(golden.floats("weight")),
              out,
              in,
              new GradientStart.Settings(
                  rank,
                  config.path("alpha").asDouble() / rank,
                  DIRECTIONS.get(config.path("direction").asText()),
                  SCALES.get(config.path("scale").asText()),
                  config.path("gamma").asDouble()));
      for (int i = 0; i < rank; i++) {
        requireSame(golden.floats("a"), start.a(), i * in, 1, in);
        requireSame(golden.floats("b"), start.b(), i, rank, out);
      }
    }
  }

  /** The sign of each singular vector is free. */
  private static void requireSame(float[] wanted, float[] got, int from, int step, int count) {
    double product = 0;
    for (int i = 0; i < count; i++) {
      product += wanted[from + i * step] * got[from + i * step];
    }
    for (int i = 0; i < count; i++) {
      double value = Math.signum(product) * got[from + i * step];
      assertThat(value).isCloseTo(wanted[from + i * step], within(2e-4));
    }
  }

  @Test
  void theWeightsScaleMakesTheStartAsLargeAsTheWeight() {
    double[] gradient = {3, 0, 0, 0, 2, 0, 0, 0, 1};
    double[] w = {0, 7, 0, 0, 0, 0, 0, 0, 0};
    LowRankStart start =
        GradientStart.of(
            gradient,
            w,
            3,
            3,
            new GradientStart.Settings(
                1, 2, GradientStart.Direction.B_FIRST, GradientStart.Scale.WEIGHT, 16));
    assertThat(start.a()).containsExactly(new float[] {0, 1, 0}, within(1e-6f));
    assertThat(start.b()).containsExactly(new float[] {7, 0, 0}, within(1e-6f));
  }

  @Test
  void followsTheMeanGradientOfFullFineTuningAndLeavesNothingBehind() {
    List<Batch> batches = List.of(TinyModels.batch(3), TinyModels.batch(4));
    try (Backend backend = Backends.open("cpu", 1);
        Model searched = TinyModels.model(TinyModels.ROBERTA, backend);
        Model full = TinyModels.model(TinyModels.ROBERTA, backend)) {
      InitCache prepared = InitCache.alone(batches);
      AttachContext to =
          new AttachContext(searched, EnumSet.of(Role.VALUE), backend, new Seeds(1), prepared);
      long before = backend.allocations().heldBytes();
      LowRankStarts starts =
          new GradientSearch(to)
              .run(
                  5,
                  new GradientStart.Settings(
                      2, 1, GradientStart.Direction.B_FIRST, GradientStart.Scale.UNIT, 16));
      assertThat(backend.allocations().heldBytes()).isEqualTo(before);
      for (Linear linear : full.projections()) {
        if (linear.role() != Role.VALUE) {
          continue;
        }
        linear.weight().train(backend);
        double[] sum = new double[linear.out() * linear.in()];
        for (int i = 0; i < batches.size(); i++) {
          linear.weight().var().clearGradient();
          try (Tape tape = new Tape(backend)) {
            tape.startTraining(i);
            prepared.loss().of(tape, full.logits(tape, batches.get(i)), batches.get(i));
            tape.backward();
          }
          float[] gradient = new float[sum.length];
          backend.read(linear.weight().var().gradient(), 0, gradient, 0, gradient.length);
          for (int j = 0; j < sum.length; j++) {
            sum[j] += gradient[j] / batches.size();
          }
        }
        Lapack.Svd svd = Lapack.svd(sum, linear.out(), linear.in());
        LowRankStart start = starts.of(linear.name());
        for (int i = 0; i < 2; i++) {
          double length = 0;
          for (int j = 0; j < linear.out(); j++) {
            length += start.b()[j * 2 + i] * start.b()[j * 2 + i];
          }
          assertThat(Math.sqrt(length))
              .isCloseTo(svd.sigma()[i], within(1e-3 * svd.sigma()[0] + 1e-7));
        }
      }
      assertThat(searched.projections()).allMatch(linear -> linear.adapter() == null);
    }
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }
}
