package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.GoldenCoverage;
import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

/** What every optimizer promises, over the registry, and its reference trajectories. */
class OptimizersTest {
  @TempDir private Path folder;

  /** One of each optimizer, by id. */
  static final Map<String, Optimizer> SAMPLES =
      new TreeMap<>(
          Map.ofEntries(
              sample(new Adafactor(0.8, 1, 0.9, false, false)),
              sample(new AdamW(0.9, 0.9, 1e-8)),
              sample(new AdamW8Bit(0.9, 0.9, 1e-8, 1)),
              sample(new DAdaptation(0.9, 0.9, 1e-8, 1e-3, 0)),
              sample(new Lion(0.9, 0.9)),
              sample(new LoRARITE(0.9, 0.9, 1e-6, true)),
              sample(new Muon(0.9, 5, false, 0.5, 0.9, 0.9, 1e-8)),
              sample(new Prodigy(0.9, 0.9, 1e-8, 1e-3, 1, 0, false, true)),
              sample(new ScheduleFree(0.9, 0.9, 1e-8, 0, 2)),
              sample(new SM3(0.9, 1e-8)),
              sample(new SOAP(0.9, 0.9, 1e-8, 3, 100))));

  private static Map.Entry<String, Optimizer> sample(Optimizer optimizer) {
    return Map.entry(Optimizers.id(optimizer.getClass()), optimizer);
  }

  static Stream<Arguments> casesOnBackends() {
    return GoldenCase.folders("optim").stream()
        .filter(folder -> optimizer(folder).isPresent())
        .flatMap(folder -> HostKernels.backends().stream().map(name -> Arguments.of(folder, name)));
  }

  /** Returns a case's optimizer, whose id begins its name. */
  private static Optional<Optimizer> optimizer(Path folder) {
    JsonNode config = config(folder);
    double beta1 = config.path("betas").path(0).asDouble();
    double beta2 = config.path("betas").path(1).asDouble();
    double epsilon = config.path("eps").asDouble(1e-8);
    return Optional.ofNullable(
        switch (folder.getFileName().toString().replaceFirst("_.*", "")) {
          case "adafactor" ->
              new Adafactor(
                  -config.path("decay_rate").asDouble(),
                  config.path("clip_threshold").asDouble(),
                  config.path("beta1").asDouble(0),
                  config.path("scale_parameter").asBoolean(),
                  config.path("relative_step").asBoolean());
          case "adamw" -> new AdamW(beta1, beta2, epsilon);
          case "dadaptation" ->
              new DAdaptation(beta1, beta2, epsilon, config.path("d0").asDouble(), bounded(config));
          case "lion" -> new Lion(beta1, beta2);
          case "muon" -> muon(config, folder.getFileName().toString().contains("bf16"));
          case "prodigy" ->
              new Prodigy(
                  beta1,
                  beta2,
                  epsilon,
                  config.path("d0").asDouble(),
                  config.path("d_coef").asDouble(),
                  bounded(config),
                  config.path("safeguard_warmup").asBoolean(),
                  config.path("use_bias_correction").asBoolean());
          case "schedulefree" ->
              new ScheduleFree(
                  beta1,
                  beta2,
                  epsilon,
                  config.path("r").asDouble(),
                  config.path("weight_lr_power").asDouble());
          case "sm3" -> new SM3(config.path("momentum").asDouble(), epsilon);
          case "soap" ->
              new SOAP(
                  beta1, beta2, epsilon, config.path("precondition_frequency").asInt(), 10_000);
          default -> null;
        });
  }

  private static double bounded(JsonNode config) {
    return config.path("growth_rate").isNumber() ? config.path("growth_rate").asDouble() : 0;
  }

  private static Muon muon(JsonNode config, boolean half) {
    JsonNode own = config.has("muon") ? config.path("muon") : config;
    JsonNode adam = config.path("adam");
    return new Muon(
        own.path("momentum").asDouble(),
        5,
        half,
        adam.path("lr").asDouble(1) / own.path("lr").asDouble(),
        adam.path("betas").path(0).asDouble(),
        adam.path("betas").path(1).asDouble(),
        adam.path("eps").asDouble(1e-10));
  }

  private static JsonNode config(Path folder) {
    return GoldenCase.json(folder.resolve("manifest.json")).path("config");
  }

  /** Returns how a case updates, where that is not its optimizer's way. */
  private static UpdateRule rule(Path folder) {
    // The order that PEFT's optimizer for LoRA-FA has too.
    return config(folder).has("correct_bias")
        ? (parameter, optimizer) -> PreconditionedAdam.of(parameter, (AdamW) optimizer)
        : UpdateRule.STANDARD;
  }

  @Test
  void everyCaseIsRunOrListed() {
    GoldenCoverage.require(
        "optim",
        GoldenCase.folders("optim").stream().filter(path -> optimizer(path).isPresent()).toList());
  }

  @Test
  void everyOptimizerHasASample() {
    assertThat(SAMPLES.keySet()).isEqualTo(Optimizers.all().keySet());
  }

  @Tag("golden")
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("casesOnBackends")
  void followsTheReferenceStepByStep(Path folder, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1)) {
      JsonNode config = config(folder);
      JsonNode own = config.has("muon") ? config.path("muon") : config;
      double rate = own.path("lr").asDouble(1);
      List<Parameter> parameters = new ArrayList<>();
      Map<String, float[]> paths = new TreeMap<>();
      Map<String, float[]> averages = new TreeMap<>();
      for (Map.Entry<String, JsonNode> entry : config.path("shapes").properties()) {
        String name = entry.getKey();
        Parameter parameter =
            Parameter.zeros(backend, name, Role.QUERY, 0, golden.shape(name + "/param0"))
                .train(backend);
        backend.write(golden.floats(name + "/param0"), 0, parameter.value(), 0, size(parameter));
        parameters.add(parameter);
        paths.put(name, new float[golden.floats(name + "/grads").length]);
        averages.put(name, new float[golden.floats(name + "/grads").length]);
      }
      try (Updates updates =
          new Updates(
              backend,
              parameters,
              new Rates(rate, 1, rate, Rates.Grouping.ROLES),
              own.path("weight_decay").asDouble(),
              optimizer(folder).orElseThrow(),
              rule(folder))) {
        for (int step = 0; step < config.path("steps").asInt(); step++) {
          for (Parameter parameter : parameters) {
            int size = size(parameter);
            float[] gradients = golden.floats(parameter.name() + "/grads");
            setGradient(
                backend, parameter, Arrays.copyOfRange(gradients, step * size, (step + 1) * size));
          }
          int warmup = config.path("warmup_steps").asInt();
          updates.step(warmup == 0 ? 1 : Math.min(1, (step + 1.0) / warmup));
          for (Parameter parameter : parameters) {
            int size = size(parameter);
            String name = parameter.name();
            backend.read(parameter.value(), 0, paths.get(name), step * size, size);
            updates.showAverages();
            backend.read(parameter.value(), 0, averages.get(name), step * size, size);
            updates.hideAverages();
          }
        }
      }
      for (String name : paths.keySet()) {
        if (folder.endsWith("muon_bf16")) {
          // The authors' code itself gives that much other values on another processor.
          assertThat(paths.get(name))
              .containsExactly(golden.floats(name + "/params"), within(0.015f));
          continue;
        }
        golden.check(name + "/params", paths.get(name));
        if (golden.has(name + "/params_eval")) {
          golden.check(name + "/params_eval", averages.get(name));
        }
      }
    }
  }

  private static int size(Parameter parameter) {
    return Math.toIntExact(parameter.size());
  }

  static Stream<Optimizer> optimizers() {
    return SAMPLES.values().stream();
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

  /** A basis of a vector's only side would take its square. */
  @ParameterizedTest
  @CsvSource({"1, 4000", "4000, 1"})
  void soapTakesAMatrixOfOneRowOrColumnForAVector(int rows, int columns) {
    SOAP soap = new SOAP(0.9, 0.95, 1e-8, 2, 10_000);
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter matrix =
          Parameter.zeros(backend, "a.weight", Role.QUERY, 0, rows, columns).train(backend);
      Parameter vector =
          Parameter.zeros(backend, "a.weight", Role.QUERY, 0, rows * columns).train(backend);
      try (Updates first = updates(backend, matrix, soap);
          Updates second = updates(backend, vector, soap)) {
        steps(backend, matrix, first, 0, 3);
        steps(backend, vector, second, 0, 3);
        assertThat(floats(backend, matrix)).isEqualTo(floats(backend, vector));
        assertThat(first.stateBytes()).isEqualTo(second.stateBytes()).isEqualTo(8L * 4000);
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
        updates.showAverages();
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
