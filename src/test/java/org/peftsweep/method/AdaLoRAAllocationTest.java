package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.RankAllocator;
import org.peftsweep.method.adapter.TripletAdapter;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.GradientClip;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.optim.Updates;

/** Holds the allocation of ranks to the reference implementation, step by step. */
class AdaLoRAAllocationTest {
  static Stream<Arguments> trainedCases() {
    return onBackends(trained());
  }

  static Stream<Arguments> allocatorCases() {
    return onBackends(allocated());
  }

  private static Stream<Arguments> onBackends(Stream<Path> folders) {
    return folders.flatMap(
        folder -> HostKernels.backends().stream().map(name -> Arguments.of(folder, name)));
  }

  /** Cases that train on a model until ranks are shared out. */
  static Stream<Path> trained() {
    return cases("after", "train/E/");
  }

  /** Cases of the allocation alone, on given gradients. */
  static Stream<Path> allocated() {
    return cases("p/", "g/");
  }

  private static Stream<Path> cases(String... prefixes) {
    return GoldenCase.folders("peft").stream()
        .filter(folder -> folder.getFileName().toString().contains("adalora"))
        .filter(folder -> has(folder, prefixes));
  }

  private static boolean has(Path folder, String... prefixes) {
    try (GoldenCase golden = GoldenCase.open(folder)) {
      return Stream.of(prefixes)
          .allMatch(prefix -> golden.names().stream().anyMatch(name -> name.startsWith(prefix)));
    }
  }

  @Tag("golden")
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("allocatorCases")
  void choosesAsTheReferenceOnGivenGradients(Path folder, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1)) {
      JsonNode config = golden.manifest().path("config");
      int steps = config.path("total_step").asInt();
      int rank = config.path("r").asInt();
      int target = config.path("target_r").asInt();
      AdaLoRA settings =
          new AdaLoRA(
              target,
              1,
              0,
              rank / (double) target,
              config.path("tinit").asInt() / (double) steps,
              config.path("tfinal").asInt() / (double) steps,
              config.path("deltaT").asInt(),
              0,
              config.path("beta1").asDouble());
      List<TripletAdapter> adapters = new ArrayList<>();
      for (Map.Entry<String, JsonNode> module : config.path("modules").properties()) {
        adapters.add(triplets(golden, module.getKey(), backend));
      }
      RankAllocator allocator = new RankAllocator(settings.budget(), adapters, backend);
      int[] budgets = golden.ints("budget");
      int statisticsAfter = steps - config.path("tfinal").asInt() - 1;
      for (int step = 0; step < steps; step++) {
        for (TripletAdapter adapter : adapters) {
          for (Parameter parameter : adapter.parameters()) {
            write(backend, golden, "p/", parameter, parameter.value(), step);
            write(backend, golden, "g/", parameter, parameter.var().gradient(), step);
            parameter.var().markGradientFresh();
          }
        }
        allocator.allocate(step, steps);
        assertThat(allocator.budget(step, steps))
            .as("budget of step " + step)
            .isEqualTo(budgets[step]);
        for (TripletAdapter adapter : adapters) {
          float[] wanted = row(golden.floats("E/" + adapter.e().name()), step, rank);
          assertThat(floats(backend, adapter.e().value()))
              .as(adapter.name() + " after step " + step)
              .containsExactly(wanted, within(1e-6f));
          if (step == statisticsAfter) {
            for (Parameter parameter : adapter.parameters()) {
              golden.check("ipt/" + parameter.name(), allocator.importance(parameter));
              golden.check("unc/" + parameter.name(), allocator.uncertainty(parameter));
            }
          }
        }
      }
      JsonNode pattern = golden.manifest().path("scalars").path("final_rank_pattern");
      for (TripletAdapter adapter : adapters) {
        assertThat(allocator.ranks().get(adapter.name()))
            .isEqualTo(kept(pattern.path(adapter.e().name())));
      }
    }
  }

  @Tag("golden")
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("trainedCases")
  void trainsAndPrunesAsTheReference(Path folder, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1);
        Checkpoint checkpoint = Checkpoint.open(GoldenMethodsTest.base(folder));
        SafeTensors batches = SafeTensors.open(GoldenMethodsTest.batches(folder));
        Tape tape = new Tape(backend)) {
      JsonNode config = GoldenMethodsTest.config(folder);
      int outputs = checkpoint.config().labels().size();
      try (Model model =
          Models.build(
              checkpoint.config(),
              outputs,
              backend,
              new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0)))) {
        AdaLoRA settings = GoldenMethods.adaLoRA(config.path("peft_config"));
        AttachContext to =
            new AttachContext(model, GoldenMethods.targets(config, model), backend, new Seeds(0));
        MethodHooks method = settings.attach(to);
        load(golden, model, backend);
        train(golden, config.path("optimizer"), model, method, tape, batches);
        JsonNode ranks = golden.manifest().path("scalars").path("final_ranks");
        method
            .ranks()
            .forEach(
                (name, rank) ->
                    assertThat(rank)
                        .as(name)
                        .isEqualTo(ranks.path(name + ".lora_E.default").asInt()));
        assertThat(method.ranks()).hasSize(ranks.size());
      }
    }
  }

  private static void train(
      GoldenCase golden,
      JsonNode recipe,
      Model model,
      MethodHooks method,
      Tape tape,
      SafeTensors batches) {
    Backend backend = tape.backend();
    double rate = recipe.path("lr").asDouble();
    Rates rates = new Rates(rate, recipe.path("v_lr_ratio").asDouble(), rate, Rates.Grouping.ROLES);
    AdamW adam =
        new AdamW(
            recipe.path("betas").get(0).asDouble(),
            recipe.path("betas").get(1).asDouble(),
            recipe.path("eps").asDouble());
    double decay = recipe.path("weight_decay").asDouble();
    int steps = recipe.path("steps").asInt();
    float[] losses = new float[steps];
    float[] norms = new float[steps];
    Map<String, float[]> entries = new TreeMap<>();
    try (Updates updates = new Updates(backend, model.trainable(), rates, decay, adam)) {
      for (int step = 0; step < steps; step++) {
        int at = step % 5;
        tape.startTraining(step);
        model.trainable().forEach(parameter -> parameter.var().clearGradient());
        int[] labels = GoldenCase.ints(batches, "in/" + at + "/labels");
        var logits = model.logits(tape, GoldenMethods.batch(batches, at));
        losses[step] =
            (float)
                (HostKernels.crossEntropy(tape, logits, labels)
                    + method.regularisers(tape).stream().mapToDouble(tape::number).sum());
        tape.backward();
        norms[step] =
            (float)
                HostKernels.number(
                    backend,
                    norm ->
                        GradientClip.apply(
                            backend,
                            model.trainable(),
                            recipe.path("max_grad_norm").asDouble(),
                            norm));
        updates.step(
            Schedule.LINEAR.factor(
                step,
                recipe.path("num_training_steps").asInt(),
                recipe.path("num_warmup_steps").asInt()));
        method.afterStep(step, steps);
        for (Parameter parameter : model.trainable()) {
          String name = "train/E/base_model.model." + parameter.name();
          if (golden.has(name)) {
            float[] now = floats(backend, parameter.value());
            System.arraycopy(
                now,
                0,
                entries.computeIfAbsent(name, n -> new float[steps * now.length]),
                step * now.length,
                now.length);
          }
        }
      }
    }
    golden.check("train/loss", losses);
    golden.check("train/grad_norm", norms);
    assertThat(entries).isNotEmpty();
    entries.forEach(golden::check);
    for (Parameter parameter : model.trainable()) {
      String name = "after" + steps + "/base_model.model." + parameter.name();
      if (golden.has(name)) {
        golden.check(name, floats(backend, parameter.value()));
      }
    }
  }

  @Test
  void followsTheCubicBudget() {
    // 24 matrices, 12 to 8 ranks each, 1000 steps, ranks stay for 200 at either end.
    RankAllocator allocator = allocator(new AdaLoRA(8, 8, 0, 1.5, 0.2, 0.2, 1, 0, 0.85), 24);
    int[] steps = {100, 200, 201, 300, 500, 700, 799, 900};
    int[] budgets = {288, 288, 287, 247, 204, 192, 192, 192};
    for (int i = 0; i < steps.length; i++) {
      assertThat(allocator.budget(steps[i], 1000)).as("step " + steps[i]).isEqualTo(budgets[i]);
    }
    for (int step = 1; step < 1000; step++) {
      assertThat(allocator.budget(step, 1000))
          .isLessThanOrEqualTo(allocator.budget(step - 1, 1000));
    }
  }

  private static RankAllocator allocator(AdaLoRA settings, int matrices) {
    try (Backend backend = Backends.open("cpu", 1)) {
      List<TripletAdapter> adapters = new ArrayList<>();
      for (int i = 0; i < matrices; i++) {
        Parameter small = Parameter.zeros(backend, "p" + i, Role.QUERY, 0, 12, 1);
        adapters.add(new TripletAdapter("m" + i, small, small, small, 1, 0));
      }
      return new RankAllocator(settings.budget(), adapters, backend);
    }
  }

  @Test
  void endsWithTheBudgetThatWasAsked() {
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.model(TinyModels.ROBERTA, backend)) {
      EnumSet<Role> targets = EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP);
      MethodHooks method =
          new AdaLoRA(2, 8, 0, 3, 0.1, 0.3, 1, 0.1, 0.85)
              .attach(new AttachContext(model, targets, backend, new Seeds(1)));
      try (Updates updates = TrainingSteps.updates(model, method, backend)) {
        TrainingSteps.take(model, method, updates, tape, 30);
      }
      assertThat(method.ranks()).hasSize(6);
      assertThat(method.ranks().values().stream().mapToInt(rank -> rank).sum()).isEqualTo(12);
      assertThat(method.stateBytes())
          .isEqualTo(2L * Float.BYTES * (4 * 6 * (24 + 24 + 1) + 2 * 6 * (40 + 24 + 1)));
    }
  }

  /** Schedules of any length, fractions and interval, also those that leave no room for any. */
  @ParameterizedTest
  @MethodSource("schedules")
  void meetsTheBudgetWhateverTheSchedule(AdaLoRA settings, int steps, boolean learns) {
    try (Backend backend = Backends.open("cpu", 1)) {
      SplittableRandom random = new SplittableRandom(steps);
      List<TripletAdapter> adapters = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        int r = settings.initialRank();
        adapters.add(
            new TripletAdapter(
                "m" + i,
                Parameter.zeros(backend, i + "a", Role.QUERY, 0, r, 4).train(backend),
                Parameter.zeros(backend, i + "e", Role.QUERY, 0, r, 1).train(backend),
                Parameter.zeros(backend, i + "b", Role.QUERY, 0, 5, r).train(backend),
                1,
                0));
      }
      RankAllocator allocator = new RankAllocator(settings.budget(), adapters, backend);
      for (int step = 0; step < steps; step++) {
        for (TripletAdapter adapter : adapters) {
          for (Parameter parameter : adapter.parameters()) {
            fill(backend, parameter.value(), learns ? random : null);
            parameter.var().markGradientFresh();
            fill(backend, parameter.var().gradient(), learns ? random : null);
          }
        }
        allocator.allocate(step, steps);
        assertThat(allocator.budget(step, steps)).isGreaterThanOrEqualTo(3 * settings.rank());
      }
      assertThat(allocator.ranks().values().stream().mapToInt(rank -> rank).sum())
          .isEqualTo(3 * settings.rank());
      int nonZero = 0;
      for (TripletAdapter adapter : adapters) {
        for (float e : floats(backend, adapter.e().value())) {
          nonZero += e == 0 ? 0 : 1;
        }
      }
      assertThat(nonZero).isEqualTo(learns ? 3 * settings.rank() : 0);
    }
  }

  static Stream<Arguments> schedules() {
    SplittableRandom random = new SplittableRandom(12);
    Stream<Arguments> drawn =
        Stream.generate(
                () -> {
                  double warm = random.nextInt(10) / 10.0;
                  double last = random.nextInt(10 - (int) Math.round(10 * warm)) / 10.0;
                  int every = 1 + random.nextInt(20);
                  AdaLoRA settings =
                      new AdaLoRA(
                          1 + random.nextInt(4),
                          8,
                          0,
                          1 + random.nextInt(5) / 2.0,
                          warm,
                          last,
                          every,
                          0,
                          0.85);
                  return Arguments.of(settings, 1 + random.nextInt(60), random.nextInt(5) > 0);
                })
            .limit(300);
    return Stream.concat(
        Stream.of(Arguments.of(new AdaLoRA(2, 8, 0, 2, 0.1, 0, 10, 0, 0.85), 25, true)), drawn);
  }

  /** Without a generator, zeros: as where nothing has moved yet. */
  private static void fill(Backend backend, Tensor tensor, SplittableRandom random) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    for (int i = 0; i < values.length && random != null; i++) {
      values[i] = (float) random.nextGaussian();
    }
    backend.write(values, 0, tensor, 0, values.length);
  }

  private static TripletAdapter triplets(GoldenCase golden, String name, Backend backend) {
    List<Parameter> parts = new ArrayList<>();
    for (String part : List.of("lora_A", "lora_E", "lora_B")) {
      int[] shape = golden.shape("p/" + name + "." + part);
      parts.add(
          Parameter.zeros(backend, name + "." + part, Role.QUERY, 0, shape[1], shape[2])
              .train(backend));
    }
    return new TripletAdapter(name, parts.get(0), parts.get(1), parts.get(2), 1, 0);
  }

  private static void write(
      Backend backend, GoldenCase golden, String group, Parameter parameter, Tensor to, int step) {
    int size = Math.toIntExact(parameter.size());
    float[] values = row(golden.floats(group + parameter.name()), step, size);
    backend.write(values, 0, to, 0, size);
  }

  private static float[] row(float[] values, int row, int length) {
    return java.util.Arrays.copyOfRange(values, row * length, (row + 1) * length);
  }

  private static int kept(JsonNode pattern) {
    int kept = 0;
    for (JsonNode entry : pattern) {
      kept += entry.asBoolean() ? 1 : 0;
    }
    return kept;
  }

  private static void load(GoldenCase golden, Model model, Backend backend) {
    for (Parameter parameter : model.trainable()) {
      String name = "init/base_model.model." + parameter.name();
      if (golden.has(name)) {
        float[] values = golden.floats(name);
        backend.write(values, 0, parameter.value(), 0, values.length);
      }
    }
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }
}
