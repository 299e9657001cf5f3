package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.GoldenCoverage;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

/** What every optimizer promises, over the registry, and its reference trajectories. */
class OptimizersTest {
  @TempDir private Path folder;

  static Stream<Arguments> casesOnBackends() {
    return GoldenCase.folders("optim").stream()
        .flatMap(
            folder ->
                update(folder).stream()
                    .flatMap(
                        update ->
                            Backends.names().stream()
                                .map(name -> Arguments.of(folder, update, name))));
  }

  /** Returns how a case updates: its optimizer's way, whose id begins its name. */
  private static Optional<UpdateRule> update(Path folder) {
    JsonNode manifest = GoldenCase.json(folder.resolve("manifest.json"));
    JsonNode config = manifest.path("config");
    if (manifest.path("made_with").path("code").asText().startsWith("transformers.optim")
        && config.has("correct_bias")) {
      // The order that PEFT's optimizer for LoRA-FA has too.
      AdamW adam = (AdamW) make(AdamW.class, config);
      return Optional.of((parameter, optimizer) -> PreconditionedAdam.of(parameter, adam));
    }
    Class<? extends Optimizer> type =
        Optimizers.all().get(folder.getFileName().toString().replaceFirst("_.*", ""));
    return Optional.ofNullable(type)
        .map(record -> (parameter, optimizer) -> make(record, config).update(parameter));
  }

  private static Optimizer make(Class<? extends Optimizer> type, JsonNode config) {
    return make(
        type,
        component ->
            switch (component) {
              case "beta1" -> config.path("betas").get(0).asDouble();
              case "beta2" -> config.path("betas").get(1).asDouble();
              case "epsilon" -> config.path("eps").asDouble();
              default -> config.required(component).asDouble();
            });
  }

  private static Optimizer make(
      Class<? extends Optimizer> type, java.util.function.ToDoubleFunction<String> setting) {
    RecordComponent[] components = type.getRecordComponents();
    try {
      return type.getDeclaredConstructor(
              Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new))
          .newInstance(
              Arrays.stream(components)
                  .map(component -> (Object) setting.applyAsDouble(component.getName()))
                  .toArray());
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void everyCaseIsRunOrListed() {
    GoldenCoverage.require(
        "optim",
        GoldenCase.folders("optim").stream().filter(path -> update(path).isPresent()).toList());
  }

  @Test
  void everyOptimizerHasACase() {
    for (String id : Optimizers.all().keySet()) {
      assertThat(GoldenCase.folders("optim"))
          .as(id)
          .anyMatch(path -> path.getFileName().toString().matches(id + "(_.*)?"));
    }
  }

  @Tag("golden")
  @ParameterizedTest(name = "{0} on {2}")
  @MethodSource("casesOnBackends")
  void followsTheReferenceStepByStep(Path folder, UpdateRule update, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1)) {
      JsonNode config = golden.manifest().path("config");
      for (String name :
          config.path("shapes").properties().stream().map(entry -> entry.getKey()).toList()) {
        golden.check(name + "/params", trajectory(golden, config, name, update, backend));
      }
    }
  }

  private static float[] trajectory(
      GoldenCase golden, JsonNode config, String name, UpdateRule update, Backend backend) {
    double rate = config.path("lr").asDouble();
    float[] start = golden.floats(name + "/param0");
    float[] gradients = golden.floats(name + "/grads");
    int size = start.length;
    Parameter parameter =
        Parameter.zeros(backend, name, Role.QUERY, 0, golden.shape(name + "/param0"))
            .train(backend);
    backend.write(start, 0, parameter.value(), 0, size);
    float[] path = new float[gradients.length];
    try (Updates updates =
        new Updates(
            backend,
            List.of(parameter),
            new Rates(rate, 1, rate, Rates.Grouping.ROLES),
            config.path("weight_decay").asDouble(),
            null,
            update)) {
      for (int at = 0; at < gradients.length; at += size) {
        setGradient(backend, parameter, Arrays.copyOfRange(gradients, at, at + size));
        updates.step(1);
        backend.read(parameter.value(), 0, path, at, size);
      }
    }
    return path;
  }

  static Stream<Optimizer> optimizers() {
    return Optimizers.all().values().stream()
        .map(type -> make(type, component -> component.equals("epsilon") ? 1e-8 : 0.9));
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void anUntouchedParameterStaysAndHoldsNothing(Optimizer optimizer) {
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter parameter =
          Parameter.zeros(backend, "a.weight", Role.QUERY, 0, 5, 3).train(backend);
      backend.fill(parameter.value(), 2);
      try (Updates updates = updates(backend, parameter, optimizer)) {
        updates.step(1);
        assertThat(floats(backend, parameter)).containsOnly(2);
        assertThat(updates.stateBytes()).isZero();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void restoredGoesOnBitForBit(Optimizer optimizer) {
    Path file = folder.resolve("state.safetensors");
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter whole = Parameter.zeros(backend, "a.weight", Role.QUERY, 0, 7, 11).train(backend);
      Parameter resumed = Parameter.zeros(backend, "a.weight", Role.QUERY, 0, 7, 11).train(backend);
      try (Updates first = updates(backend, whole, optimizer);
          Updates second = updates(backend, resumed, optimizer)) {
        steps(backend, whole, first, 0, 4);
        StateWriter writer = new StateWriter();
        first.save(writer);
        write(writer, file);
        backend.copy(whole.value(), resumed.value());
        try (StateReader reader = StateReader.open(file)) {
          second.restore(reader);
        }
        assertThat(second.stateBytes()).isEqualTo(first.stateBytes()).isPositive();
        steps(backend, whole, first, 4, 8);
        steps(backend, resumed, second, 4, 8);
        assertThat(floats(backend, resumed)).isEqualTo(floats(backend, whole));
        assertThat(floats(backend, whole)).doesNotContain(0, Float.NaN);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("optimizers")
  void everyOptimizerGoesDownhill(Optimizer optimizer) {
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter parameter =
          Parameter.zeros(backend, "a.weight", Role.QUERY, 0, 3, 4).train(backend);
      backend.fill(parameter.value(), 1);
      try (Updates updates = updates(backend, parameter, optimizer)) {
        for (int step = 0; step < 200; step++) {
          // The gradient of half the sum of squares is the value.
          setGradient(backend, parameter, floats(backend, parameter));
          updates.step(1);
        }
      }
      for (float value : floats(backend, parameter)) {
        assertThat(Math.abs(value)).isLessThan(0.6f);
      }
    }
  }

  private static Updates updates(Backend backend, Parameter parameter, Optimizer optimizer) {
    Rates rates = new Rates(0.02, 1, 0.02, Rates.Grouping.ROLES);
    return new Updates(backend, List.of(parameter), rates, 0.01, optimizer);
  }

  private static void steps(
      Backend backend, Parameter parameter, Updates updates, int from, int to) {
    for (int step = from; step < to; step++) {
      SplittableRandom random = new SplittableRandom(step);
      float[] gradient = new float[Math.toIntExact(parameter.size())];
      for (int i = 0; i < gradient.length; i++) {
        gradient[i] = (float) random.nextGaussian();
      }
      setGradient(backend, parameter, gradient);
      updates.step(1);
    }
  }

  private static void write(StateWriter writer, Path file) {
    try (var channel =
        java.nio.channels.FileChannel.open(
            file,
            java.nio.file.StandardOpenOption.CREATE,
            java.nio.file.StandardOpenOption.WRITE)) {
      writer.write(channel);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
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
