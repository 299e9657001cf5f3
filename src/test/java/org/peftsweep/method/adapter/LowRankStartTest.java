package org.peftsweep.method.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Lapack;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.Method;
import org.peftsweep.method.OLoRA;
import org.peftsweep.method.PiSSA;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** The starts of PiSSA and OLoRA; A, B, W as in their papers. */
class LowRankStartTest {
  private static final double[] W = {-.7, -.2, .3, .8, -.4, .1, .6, -.6, -.1, .4, -.8, -.3};

  static List<Method> starts() {
    return List.of(
        new PiSSA(3, 6, 0, PiSSA.Search.EXACT, 0, 0),
        new PiSSA(3, 6, 0, PiSSA.Search.RANDOMISED, 2, 4),
        new OLoRA(3, 6, 0));
  }

  @Test
  void theSvdOfAnExampleIsTheDerivedOne() {
    assertThat(product(LowRankStart.ofSvd(W, 3, 4, 2, 1), 3, 4))
        .containsExactly(
            new double[] {
              -0.413153, -0.321364, 0.397707, 0.847941, -0.144353, -0.008164, 0.687079, -0.557274,
              0.347385, 0.210712, -0.647610, -0.225229
            },
            within(2e-6));
  }

  @Test
  void theQrOfAnExampleIsTheDerivedOne() {
    assertThat(product(LowRankStart.ofQr(W, 3, 4, 2), 3, 4))
        .containsExactly(
            new double[] {
              -0.7, -0.2, 0.583333, 0.516667, -0.4, 0.1, 0.033333, -0.033333, -0.1, 0.4, -0.516667,
              -0.583333
            },
            within(2e-6));
  }

  @ParameterizedTest
  @CsvSource({"6, 9", "9, 6", "7, 7"})
  void factorsOfAnSvdShareTheSingularValuesEvenly(int out, int in) {
    double[] w = new SplittableRandom(4).doubles(out * in, -1, 1).toArray();
    LowRankStart start = LowRankStart.ofSvd(w, out, in, 3, 2);
    double[] ofA = gram(start.a(), 3, in, in, 1);
    double[] ofB = gram(start.b(), 3, out, 1, 3);
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 3; j++) {
        assertThat(ofA[i * 3 + j]).isCloseTo(ofB[i * 3 + j], within(1e-5));
        if (i != j) {
          assertThat(ofA[i * 3 + j]).isCloseTo(0, within(1e-5));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"6, 9", "9, 6", "7, 7"})
  void aQrStartIsOrthonormalTimesTrapezoidalAndTakesTheFirstColumns(int out, int in) {
    double[] w = new SplittableRandom(5).doubles(out * in, -1, 1).toArray();
    LowRankStart start = LowRankStart.ofQr(w, out, in, 3);
    assertThat(gram(start.b(), 3, out, 1, 3))
        .containsExactly(new double[] {1, 0, 0, 0, 1, 0, 0, 0, 1}, within(1e-6));
    assertThat(start.a()[in]).isZero();
    assertThat(start.a()[2 * in + 1]).isZero();
    double[] product = product(start, out, in);
    for (int i = 0; i < out; i++) {
      for (int j = 0; j < 3; j++) {
        assertThat(product[i * in + j]).isCloseTo(w[i * in + j], within(1e-6));
      }
    }
  }

  @Test
  void aSketchWithTheReferencesDrawGivesItsResidual() {
    for (Path folder : GoldenCase.folders("peft")) {
      try (GoldenCase golden = GoldenCase.open(folder)) {
        List<String> draws =
            golden.names().stream().filter(name -> name.startsWith("omega/")).toList();
        if (!draws.isEmpty()) {
          checkSketches(golden, draws);
        }
      }
    }
  }

  private static void checkSketches(GoldenCase golden, List<String> draws) {
    var config = golden.manifest().path("config");
    var peft = config.path("peft_config");
    int rank = peft.path("r").asInt();
    double scale = peft.path("lora_alpha").asDouble() / rank;
    int iterations =
        Integer.parseInt(peft.path("init_lora_weights").asText().replaceAll("\\D+", ""));
    try (Checkpoint base =
        Checkpoint.open(golden.folder().resolve(config.path("base_model").asText()).normalize())) {
      for (String draw : draws) {
        String weight = draw.substring("omega/".length()) + ".weight";
        var stored = base.find(weight);
        int out = Math.toIntExact(stored.shape().get(0));
        int in = Math.toIntExact(stored.shape().get(1));
        double[] w = doubles(stored.file().floats(weight));
        LowRankStart start =
            LowRankStart.ofSketch(
                w, out, in, rank, scale, doubles(golden.floats(draw)), iterations);
        double[] part = product(start, out, in);
        float[] rest = new float[w.length];
        for (int i = 0; i < w.length; i++) {
          rest[i] = (float) (w[i] - scale * part[i]);
        }
        golden.check("base/" + weight, rest);
      }
    }
  }

  @Test
  void aSketchWithIterationsComesCloseToTheLargestSingularValues() {
    int n = 40;
    double[] w = decaying(n);
    LowRankStart exact = LowRankStart.ofSvd(w.clone(), n, n, 4, 1);
    double[] omega = LowRankStart.omega("a", n, 12);
    LowRankStart sketched = LowRankStart.ofSketch(w, n, n, 4, 1, omega, 4);
    assertThat(product(sketched, n, n)).containsExactly(product(exact, n, n), within(1e-4));
  }

  /** Singular values 1, 1/2, 1/3 … between random orthonormal vectors. */
  private static double[] decaying(int n) {
    SplittableRandom random = new SplittableRandom(8);
    double[] left = Lapack.orthonormal(random.doubles(n * n, -1, 1).toArray(), n, n);
    double[] right = Lapack.orthonormal(random.doubles(n * n, -1, 1).toArray(), n, n);
    for (int i = 0; i < right.length; i++) {
      right[i] /= i / n + 1;
    }
    return Lapack.product(false, left, right, n, n, n);
  }

  @ParameterizedTest
  @MethodSource("starts")
  void trainsTheSameFunctionAsOverAResidual(Method method) {
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model apart = TinyModels.model(TinyModels.LLAMA, backend);
        Model residual = TinyModels.model(TinyModels.LLAMA, backend)) {
      method.attach(
          new AttachContext(
              apart, EnumSet.of(Role.VALUE, Role.FFN_DOWN, Role.FFN_UP), backend, new Seeds(1)));
      for (int i = 0; i < apart.projections().size(); i++) {
        Linear from = apart.projections().get(i);
        if (from.adapter() instanceof ResidualAdapter adapter) {
          Linear to = residual.projections().get(i);
          adapter.start().addTo(backend, to.weight().value());
          LowRank update = LowRank.zeros(backend, to, ".weight", 3, adapter.update().scale(), 0);
          for (LowRank pair : List.of(adapter.update(), update)) {
            perturb(backend, adapter.start().a().value(), pair.a().value());
            perturb(backend, adapter.start().b().value(), pair.b().value());
          }
          to.attach(new LowRankAdapter(update));
        }
      }
      tape.startEvaluation();
      float[] wanted = floats(backend, residual.logits(tape, TinyModels.batch(1)).value());
      tape.startEvaluation();
      float[] logits = floats(backend, apart.logits(tape, TinyModels.batch(1)).value());
      assertThat(logits).containsExactly(wanted, within(1e-5f));
    }
  }

  private static void perturb(Backend backend, Tensor from, Tensor to) {
    SplittableRandom random = new SplittableRandom(6);
    float[] values = floats(backend, from);
    for (int i = 0; i < values.length; i++) {
      values[i] += (float) (0.05 * random.nextGaussian());
    }
    backend.write(values, 0, to, 0, values.length);
  }

  private static double[] product(LowRankStart start, int out, int in) {
    return Lapack.product(false, doubles(start.b()), doubles(start.a()), out, in, start.rank());
  }

  /** Inner products of vectors whose starts and entries lie so far apart. */
  private static double[] gram(float[] x, int count, int length, int apart, int stride) {
    double[] gram = new double[count * count];
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < count; j++) {
        for (int k = 0; k < length; k++) {
          gram[i * count + j] += (double) x[i * apart + k * stride] * x[j * apart + k * stride];
        }
      }
    }
    return gram;
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }
}
