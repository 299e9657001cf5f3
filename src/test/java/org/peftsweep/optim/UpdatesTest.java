package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.GoldenCoverage;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Tensor;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

/** Holds the updates that methods choose to the reference implementations, on given gradients. */
class UpdatesTest {
  private static final Rates RATES = new Rates(0.01, 1, 0.01, Rates.Grouping.ROLES);
  private static final String SELECTION = "selection_accumulation_steps";
  private static final AdamW ADAM = new AdamW(0.9, 0.999, 1e-8);

  static Stream<Arguments> galore() {
    return onBackends(cases("proj_type"));
  }

  static Stream<Arguments> sift() {
    return onBackends(cases("sparse_rate"));
  }

  private static Stream<Path> cases(String setting) {
    return GoldenCase.folders("grad").stream().filter(folder -> config(folder).has(setting));
  }

  private static Stream<Arguments> onBackends(Stream<Path> folders) {
    return folders.flatMap(
        folder -> HostKernels.backends().stream().map(name -> Arguments.of(folder, name)));
  }

  private static JsonNode config(Path folder) {
    return GoldenCase.json(folder.resolve("manifest.json")).path("config");
  }

  @Test
  void everyCaseIsRunOrListed() {
    GoldenCoverage.require(
        "grad",
        Stream.of("proj_type", "sparse_rate", SELECTION)
            .flatMap(setting -> cases(setting))
            .toList());
  }

  static Stream<Arguments> spiel() {
    return onBackends(cases(SELECTION));
  }

  @Tag("golden")
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("spiel")
  void dropsAndRegrowsAsSpiel(Path folder, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1)) {
      JsonNode config = config(folder);
      int steps = config.path("steps").asInt();
      for (int layer = 0; layer < config.path("shapes").size(); layer++) {
        String name = "l" + layer;
        JsonNode shape = config.path("shapes").get(layer);
        Parameter parameter =
            Parameter.zeros(
                    backend, name, Role.QUERY, 0, shape.get(0).asInt(), shape.get(1).asInt())
                .train(backend);
        SpIELAdam update =
            new SpIELAdam(
                parameter,
                adam(config),
                golden.ints(name + "/indices0"),
                new SpIELAdam.Schedule(
                    config.path("reselection_steps").asInt(),
                    config.path(SELECTION).asInt(),
                    config.path("initial_reselection_rate").asDouble(),
                    config.path("reselection_rate_policy").asText().equals("cosine")),
                () -> steps);
        float[] wanted = golden.floats(name + "/values");
        float[] ages = golden.floats(name + "/age");
        int[] places = golden.ints(name + "/indices");
        int count = update.places().length;
        try (Updates optimizer = optimizer(backend, parameter, config, update)) {
          for (int step = 0; step < steps; step++) {
            step(golden, name, backend, parameter, optimizer, step);
            float[] dense = new float[Math.toIntExact(parameter.size())];
            float[] denseAges = dense.clone();
            for (int i = step * count; i < (step + 1) * count; i++) {
              dense[places[i]] = wanted[i];
              denseAges[places[i]] = ages[i];
            }
            assertThat(floats(backend, parameter.value()))
                .as("%s after step %d", name, step)
                .containsExactly(dense, within(1e-6f));
            for (int i = 0; i < count; i++) {
              assertThat(update.ages()[i]).isEqualTo(denseAges[update.places()[i]]);
            }
          }
        }
      }
    }
  }

  @Tag("golden")
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("galore")
  void projectsAsGaLore(Path folder, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1)) {
      JsonNode config = config(folder);
      GaLoreAdam.Side side = side(config.path("proj_type").asText());
      for (String name : tensors(golden)) {
        Parameter parameter = parameter(golden, name, backend);
        GaLoreAdam update =
            new GaLoreAdam(
                parameter,
                adam(config),
                config.path("rank").asInt(),
                config.path("update_proj_gap").asInt(),
                config.path("scale").asDouble(),
                side);
        float[] path = new float[golden.floats(name + "/grads").length];
        try (Updates optimizer = optimizer(backend, parameter, config, update)) {
          for (int step = 0; step * parameter.size() < path.length; step++) {
            step(golden, name, backend, parameter, optimizer, step);
            backend.read(
                parameter.value(),
                0,
                path,
                Math.toIntExact(step * parameter.size()),
                Math.toIntExact(parameter.size()));
            String projector = name + "/canon/projector_" + step;
            if (golden.has(projector) && side != GaLoreAdam.Side.BOTH) {
              Tensor left = update.leftProjector(backend);
              golden.check(
                  projector, floats(backend, left == null ? update.rightProjector(backend) : left));
            }
          }
          golden.check(name + "/canon/params", path);
          long low = golden.floats(name + "/canon/exp_avg").length;
          assertThat(optimizer.stateBytes()).isGreaterThan(2 * low * Float.BYTES);
        }
      }
    }
  }

  private static GaLoreAdam.Side side(String name) {
    return name.equals("full")
        ? GaLoreAdam.Side.BOTH
        : GaLoreAdam.Side.valueOf(name.toUpperCase(Locale.ROOT));
  }

  @Tag("golden")
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("sift")
  void learnsTheEntriesThatSiftChooses(Path folder, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1)) {
      JsonNode config = config(folder);
      for (String name : tensors(golden)) {
        Parameter parameter = parameter(golden, name, backend);
        SparseAdam update =
            new SparseAdam(parameter, adam(config), config.path("sparse_rate").asDouble());
        float[] path = new float[golden.floats(name + "/clean/params").length];
        int size = Math.toIntExact(parameter.size());
        try (Updates optimizer = optimizer(backend, parameter, config, update)) {
          step(golden, name, backend, parameter, optimizer, 0);
          int[] wanted = golden.ints(name + "/clean/index");
          Arrays.sort(wanted);
          assertThat(update.chosen()).isEqualTo(wanted);
          assertThat(floats(backend, parameter.value())).isEqualTo(golden.floats(name + "/param0"));
          for (int at = 0; at < path.length; at += size) {
            step(golden, name, backend, parameter, optimizer, at / size + 1);
            backend.read(parameter.value(), 0, path, at, size);
          }
          golden.check(name + "/clean/params", path);
          assertThat(optimizer.stateBytes()).isEqualTo(12L * wanted.length);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(GaLoreAdam.Side.class)
  void staysInTheSubspaceWithinAGap(GaLoreAdam.Side side) {
    try (Backend backend = Backends.open("cpu", 1)) {
      int rows = 9;
      int columns = 14;
      Parameter parameter =
          Parameter.zeros(backend, "w", Role.QUERY, 0, rows, columns).train(backend);
      GaLoreAdam update = new GaLoreAdam(parameter, ADAM, 3, 50, 1, side);
      try (Updates optimizer =
          new Updates(backend, List.of(parameter), RATES, 0, ADAM, (any, adam) -> update)) {
        SplittableRandom random = new SplittableRandom(3);
        for (int step = 0; step < 4; step++) {
          set(backend, parameter, normal(random, rows * columns));
          optimizer.step(1);
        }
        Tensor left = update.leftProjector(backend);
        Tensor right = update.rightProjector(backend);
        if (left != null) {
          assertOrthonormal(transposed(floats(backend, left), rows, 3), rows);
        }
        if (right != null) {
          assertOrthonormal(floats(backend, right), columns);
        }
        assertThat(rank(floats(backend, parameter.value()), rows, columns)).isEqualTo(3);
      }
    }
  }

  @Test
  void atRateOneSparseIsDenseFromTheSecondGradientOn() {
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter sparse = Parameter.zeros(backend, "a", Role.QUERY, 0, 3, 4).train(backend);
      Parameter dense = Parameter.zeros(backend, "b", Role.QUERY, 0, 3, 4).train(backend);
      SparseAdam update = new SparseAdam(sparse, ADAM, 1);
      try (Updates first =
              new Updates(backend, List.of(sparse), RATES, 0, ADAM, (any, adam) -> update);
          Updates second = new Updates(backend, List.of(dense), RATES, 0, ADAM)) {
        SplittableRandom random = new SplittableRandom(3);
        for (int step = 0; step < 4; step++) {
          float[] gradient = normal(random, 12);
          set(backend, sparse, gradient);
          first.receive();
          first.step(1);
          if (step > 0) {
            set(backend, dense, gradient);
            second.step(1);
          }
        }
        assertThat(floats(backend, sparse.value()))
            .containsExactly(floats(backend, dense.value()), within(1e-7f));
      }
    }
  }

  @Test
  void clippingSeesOnlyWhatLearns() {
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter parameter = Parameter.zeros(backend, "a", Role.QUERY, 0, 1, 4).train(backend);
      SparseAdam update = new SparseAdam(parameter, ADAM, 0.25);
      try (Updates optimizer =
          new Updates(backend, List.of(parameter), RATES, 0, ADAM, (any, adam) -> update)) {
        set(backend, parameter, new float[] {1, -5, 5, 3});
        optimizer.receive();
        assertThat(parameter.var().hasGradient()).isFalse();
        set(backend, parameter, new float[] {9, 3, 4, 9});
        optimizer.receive();
        assertThat(
                HostKernels.number(
                    backend, norm -> GradientClip.apply(backend, List.of(parameter), 1, norm)))
            .isEqualTo(5);
      }
    }
  }

  @Test
  void aRestingParameterKeepsItsStateOutsideTheBackend() {
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter resting = Parameter.zeros(backend, "a", Role.QUERY, 0, 3, 4).train(backend);
      Parameter awake = Parameter.zeros(backend, "b", Role.QUERY, 0, 3, 4).train(backend);
      try (Updates first = new Updates(backend, List.of(resting), RATES, 0, ADAM);
          Updates second = new Updates(backend, List.of(awake), RATES, 0, ADAM)) {
        SplittableRandom random = new SplittableRandom(3);
        for (int step = 0; step < 5; step++) {
          float[] gradient = normal(random, 12);
          resting.wake(backend);
          set(backend, resting, gradient);
          first.step(1);
          set(backend, awake, gradient);
          second.step(1);
          assertThat(first.stateBytes()).isEqualTo(96);
          resting.rest(backend);
          first.rest();
          first.step(1);
          assertThat(first.stateBytes()).isZero();
          assertThat(resting.ownBytes()).isEqualTo(awake.ownBytes() / 2);
        }
        assertThat(floats(backend, resting.value())).isEqualTo(floats(backend, awake.value()));
      }
    }
  }

  private static List<String> tensors(GoldenCase golden) {
    return golden.names().stream()
        .filter(name -> name.endsWith("/param0"))
        .map(name -> name.substring(0, name.indexOf('/')))
        .toList();
  }

  private static Parameter parameter(GoldenCase golden, String name, Backend backend) {
    Parameter parameter =
        Parameter.zeros(backend, name, Role.QUERY, 0, golden.shape(name + "/param0"))
            .train(backend);
    float[] start = golden.floats(name + "/param0");
    backend.write(start, 0, parameter.value(), 0, start.length);
    return parameter;
  }

  private static AdamW adam(JsonNode config) {
    return new AdamW(
        config.path("betas").get(0).asDouble(),
        config.path("betas").get(1).asDouble(),
        config.path("eps").asDouble());
  }

  private static Updates optimizer(
      Backend backend, Parameter parameter, JsonNode config, Update update) {
    double rate = config.path("lr").asDouble();
    return new Updates(
        backend,
        List.of(parameter),
        new Rates(rate, 1, rate, Rates.Grouping.ROLES),
        config.path("weight_decay").asDouble(),
        adam(config),
        (any, adam) -> update);
  }

  private static void step(
      GoldenCase golden,
      String name,
      Backend backend,
      Parameter parameter,
      Updates optimizer,
      int step) {
    int size = Math.toIntExact(parameter.size());
    float[] gradients = golden.floats(name + "/grads");
    set(backend, parameter, Arrays.copyOfRange(gradients, step * size, (step + 1) * size));
    optimizer.receive();
    optimizer.step(1);
  }

  private static void set(Backend backend, Parameter parameter, float[] gradient) {
    parameter.var().markGradientFresh();
    backend.write(gradient, 0, parameter.var().gradient(), 0, gradient.length);
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  private static float[] normal(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static float[] transposed(float[] x, int rows, int columns) {
    float[] y = new float[x.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        y[j * rows + i] = x[i * columns + j];
      }
    }
    return y;
  }

  private static void assertOrthonormal(float[] rows, int length) {
    int count = rows.length / length;
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < count; j++) {
        double dot = 0;
        for (int k = 0; k < length; k++) {
          dot += rows[i * length + k] * rows[j * length + k];
        }
        assertThat(dot).isCloseTo(i == j ? 1 : 0, within(1e-5));
      }
    }
  }

  private static int rank(float[] values, int rows, int columns) {
    double[][] matrix = new double[rows][columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        matrix[i][j] = values[i * columns + j];
      }
    }
    double[] singular =
        new org.apache.commons.math3.linear.SingularValueDecomposition(
                new org.apache.commons.math3.linear.Array2DRowRealMatrix(matrix))
            .getSingularValues();
    return (int) Arrays.stream(singular).filter(value -> value > 1e-5 * singular[0]).count();
  }
}
