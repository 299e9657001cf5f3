package org.peftsweep.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.GoldenCoverage;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;

/** Holds every model to reference hidden states, logits, loss and gradients of all parameters. */
@Tag("golden")
class GoldenModelsTest {
  static Stream<Arguments> casesOnBackends() {
    return GoldenCase.folders("models").stream()
        .flatMap(folder -> HostKernels.backends().stream().map(name -> Arguments.of(folder, name)));
  }

  static Stream<Arguments> casesOfSixteenBits() {
    return GoldenCase.folders("models").stream()
        .flatMap(
            folder ->
                Stream.of("cpu", "cuda:with-tensor-cores").map(name -> Arguments.of(folder, name)));
  }

  /** 8 bits of fraction, over two layers. */
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("casesOfSixteenBits")
  void productsOfSixteenBitFactorsStayNearTheReference(Path folder, String backendName) {
    assumeTrue(
        Backends.refusal(backendName, ElementType.BF16).isEmpty(),
        "this processor has no such products");
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1);
        Checkpoint checkpoint = Checkpoint.open(weights(golden));
        Tape tape = new Tape(backend);
        Model model = model(golden, checkpoint, backend)) {
      tape.multiplyIn(ElementType.BF16);
      boolean hasLabels = golden.has("in/labels");
      if (hasLabels) {
        model.parameters().forEach(parameter -> parameter.train(backend));
      }
      tape.startTraining(0);
      Var logits = model.logits(tape, batch(golden));
      // Attention rounds too on a GPU; PyTorch's autocast is 2.6 % off where a row is one number.
      boolean isLoose = logits.value().columns() == 1 && !backendName.equals("cpu");
      double part = isLoose ? 0.04 : 0.02;
      assertNear("logits", floats(backend, logits.value()), golden.floats("out/logits"), part);
      if (!hasLabels) {
        return;
      }
      double loss = golden.floats("out/loss")[0];
      assertThat(loss(golden, tape, logits)).isCloseTo(loss, within(0.01 * loss));
      tape.backward();
      for (Parameter parameter : model.parameters()) {
        String name = "grad/" + parameter.name();
        // Gradients of vectors may be what is left of large sums.
        boolean isMatrix = parameter.shape().length == 2;
        if (isMatrix && golden.has(name) && parameter.var().hasGradient()) {
          assertNear(name, floats(backend, parameter.var().gradient()), golden.floats(name), 0.1);
        }
      }
    }
  }

  /** Holds the length of the difference to a part of the length of what is expected. */
  private static void assertNear(String what, float[] found, float[] expected, double part) {
    double off = 0;
    double all = 1e-12;
    for (int i = 0; i < found.length; i++) {
      off += Math.pow((double) found[i] - expected[i], 2);
      all += Math.pow(expected[i], 2);
    }
    assertThat(Math.sqrt(off / all)).as(what).isGreaterThan(0).isLessThan(part);
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("casesOnBackends")
  void forwardAndGradientsEqualTheReference(Path folder, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1);
        Checkpoint checkpoint = Checkpoint.open(weights(golden));
        Tape tape = new Tape(backend);
        Model model = model(golden, checkpoint, backend)) {
      Batch batch = batch(golden);
      tape.startEvaluation();
      boolean maskedOnly =
          golden.manifest().path("notes").toString().contains("attention_mask = 1");
      model.trace(
          (index, value) ->
              golden.check(
                  "out/hidden_" + index, floats(backend, value), maskedOnly ? batch.mask() : null));
      golden.check("out/logits", floats(backend, model.logits(tape, batch).value()));
      model.trace(null);

      if (!golden.has("in/labels")) {
        assertThat(golden.names()).noneMatch(name -> name.matches("grad/.*|out/loss"));
        return;
      }
      model.parameters().forEach(parameter -> parameter.train(backend));
      tape.startTraining(0);
      Var logits = model.logits(tape, batch);
      golden.check("out/logits", floats(backend, logits.value()));
      golden.check("out/loss", new float[] {(float) loss(golden, tape, logits)});
      tape.backward();
      int checked = 0;
      for (Parameter parameter : model.parameters()) {
        String name = "grad/" + parameter.name();
        if (golden.has(name)) {
          golden.check(name, floats(backend, parameter.var().gradient()));
          checked++;
        }
      }
      assertThat(golden.names().stream().filter(name -> name.startsWith("grad/"))).hasSize(checked);
    }
  }

  @Test
  void everyCaseIsRun() {
    GoldenCoverage.require("models", GoldenCase.folders("models"));
  }

  private static Path weights(GoldenCase golden) {
    return golden.folder().resolve(golden.manifest().path("model").asText(".")).normalize();
  }

  private static Model model(GoldenCase golden, Checkpoint checkpoint, Backend backend) {
    int outputs = golden.shape("out/logits").length == 1 ? 1 : golden.shape("out/logits")[1];
    Weights weights = new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0));
    return Models.build(checkpoint.config(), outputs, backend, weights);
  }

  private static double loss(GoldenCase golden, Tape tape, Var logits) {
    if (logits.value().columns() == 1) {
      return HostKernels.meanSquaredError(tape, logits, golden.floats("in/labels"));
    }
    return HostKernels.crossEntropy(tape, logits, golden.ints("in/labels"));
  }

  private static Batch batch(GoldenCase golden) {
    int[] shape = golden.shape("in/input_ids");
    int[] ids = golden.ints("in/input_ids");
    int[] types =
        golden.has("in/token_type_ids") ? golden.ints("in/token_type_ids") : new int[ids.length];
    return new Batch(
        shape[0],
        shape[1],
        ids,
        golden.ints("in/attention_mask"),
        types,
        new float[shape[0]],
        new int[shape[0]]);
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }
}
