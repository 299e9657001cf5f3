package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.GoldenCoverage;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

class AdamWTest {
  /** The start of a case's code, and the update of a parameter that follows it. */
  private static final Map<String, Function<Parameter, Update>> REFERENCES =
      Map.of(
          "torch.optim.AdamW",
          DenseAdam::new,
          "transformers.optimization.AdamW",
          PreconditionedAdam::of);

  static Stream<Arguments> goldenOnBackends() {
    return folders()
        .flatMap(folder -> Backends.names().stream().map(name -> Arguments.of(folder, name)));
  }

  static Stream<String> backends() {
    return Backends.names().stream();
  }

  private static Stream<Path> folders() {
    return GoldenCase.folders("optim").stream().filter(folder -> update(folder).isPresent());
  }

  private static Optional<Function<Parameter, Update>> update(Path folder) {
    String code =
        GoldenCase.json(folder.resolve("manifest.json")).path("made_with").path("code").asText();
    return REFERENCES.keySet().stream().filter(code::startsWith).findFirst().map(REFERENCES::get);
  }

  @Test
  void everyCaseIsRunOrListed() {
    GoldenCoverage.require("optim", folders().toList());
  }

  @Tag("golden")
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("goldenOnBackends")
  void followsTheReferenceStepByStep(Path folder, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1)) {
      JsonNode config = golden.manifest().path("config");
      for (String name :
          config.path("shapes").properties().stream().map(e -> e.getKey()).toList()) {
        golden.check(name + "/params", trajectory(golden, config, name, backend));
      }
    }
  }

  private static float[] trajectory(
      GoldenCase golden, JsonNode config, String name, Backend backend) {
    double rate = config.path("lr").asDouble();
    float[] start = golden.floats(name + "/param0");
    float[] gradients = golden.floats(name + "/grads");
    int size = start.length;
    Parameter parameter =
        Parameter.zeros(backend, name, Role.QUERY, 0, golden.shape(name + "/param0"))
            .train(backend);
    backend.write(start, 0, parameter.value(), 0, size);
    AdamW.Settings settings =
        new AdamW.Settings(
            config.path("betas").get(0).asDouble(),
            config.path("betas").get(1).asDouble(),
            config.path("eps").asDouble(),
            config.path("weight_decay").asDouble());
    float[] path = new float[gradients.length];
    try (AdamW optimizer =
        new AdamW(
            backend,
            List.of(parameter),
            new Rates(rate, 1, rate, Rates.Grouping.ROLES),
            settings,
            update(golden.folder()).orElseThrow()::apply)) {
      assertThat(optimizer.stateBytes()).isZero();
      for (int at = 0; at < gradients.length; at += size) {
        setGradient(backend, parameter, Arrays.copyOfRange(gradients, at, at + size));
        optimizer.step(1);
        backend.read(parameter.value(), 0, path, at, size);
      }
      assertThat(optimizer.stateBytes()).isEqualTo(2L * Float.BYTES * size);
    }
    return path;
  }

  @ParameterizedTest
  @MethodSource("backends")
  void leavesAParameterWithoutGradientAlone(String backendName) {
    try (Backend backend = Backends.open(backendName, 1)) {
      Parameter parameter =
          Parameter.zeros(backend, "a.weight", Role.QUERY, 0, 1, 3).train(backend);
      backend.fill(parameter.value(), 2);
      Rates rates = new Rates(0.1, 1, 0.1, Rates.Grouping.ROLES);
      try (AdamW optimizer =
          new AdamW(
              backend, List.of(parameter), rates, new AdamW.Settings(0.9, 0.999, 1e-8, 0.5))) {
        optimizer.step(1);
        assertThat(floats(backend, parameter)).containsExactly(2, 2, 2);
        setGradient(backend, parameter, new float[] {1, -1, 0});
        optimizer.step(1);
        // Decay 2·(1 − 0.1·0.5) = 1.9, then one step of ±0.1 in the gradient's direction.
        assertThat(floats(backend, parameter)[0]).isCloseTo(1.8f, within(1e-5f));
        assertThat(floats(backend, parameter)[1]).isCloseTo(2.0f, within(1e-5f));
        assertThat(floats(backend, parameter)[2]).isCloseTo(1.9f, within(1e-5f));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void clipsByTheGlobalNorm(String backendName) {
    try (Backend backend = Backends.open(backendName, 1)) {
      Parameter a = Parameter.zeros(backend, "a", Role.QUERY, 0, 2).train(backend);
      Parameter b = Parameter.zeros(backend, "b", Role.QUERY, 0, 1).train(backend);
      setGradient(backend, a, new float[] {2, 3});
      setGradient(backend, b, new float[] {6});
      assertThat(GradientClip.apply(backend, List.of(a, b), 3.5)).isCloseTo(7, within(1e-6));
      float[] clipped = new float[2];
      backend.read(a.var().gradient(), 0, clipped, 0, 2);
      assertThat(clipped[0]).isCloseTo(1, within(1e-5f));
      assertThat(clipped[1]).isCloseTo(1.5f, within(1e-5f));
      assertThat(GradientClip.apply(backend, List.of(a, b), 0)).isCloseTo(3.5, within(1e-5));
    }
  }

  private static void setGradient(Backend backend, Parameter parameter, float[] values) {
    parameter.var().markGradientFresh();
    backend.write(values, 0, parameter.var().gradient(), 0, values.length);
  }

  private static float[] floats(Backend backend, Parameter parameter) {
    float[] values = new float[Math.toIntExact(parameter.size())];
    backend.read(parameter.value(), 0, values, 0, values.length);
    return values;
  }
}
