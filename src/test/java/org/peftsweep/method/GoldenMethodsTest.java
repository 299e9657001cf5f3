package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.GoldenCoverage;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.method.adapter.Places;
import org.peftsweep.method.adapter.ResidualAdapter;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Weights;
import org.peftsweep.optim.GradientClip;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Schedule;
import org.peftsweep.optim.Updates;

/**
 * Holds every method to the reference implementation: output and gradients of a given state, five
 * optimizer steps from it, merged weights.
 */
@Tag("golden")
class GoldenMethodsTest {
  static Stream<Arguments> casesOnBackends() {
    return folders()
        .flatMap(folder -> HostKernels.backends().stream().map(name -> Arguments.of(folder, name)));
  }

  static Stream<Path> folders() {
    return GoldenCase.folders("peft").stream()
        .filter(folder -> GoldenMethods.method(manifest(folder)).isPresent());
  }

  @Test
  void everyCaseIsRunOrListed() {
    Stream<Path> allocations =
        Stream.concat(AdaLoRAAllocationTest.trained(), AdaLoRAAllocationTest.allocated());
    GoldenCoverage.require("peft", Stream.concat(folders(), allocations).toList());
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("casesOnBackends")
  void equalsTheReference(Path folder, String backendName) {
    try (GoldenCase golden = GoldenCase.open(folder);
        Backend backend = Backends.open(backendName, 1);
        Checkpoint checkpoint = Checkpoint.open(base(folder));
        SafeTensors batches = SafeTensors.open(batches(folder));
        Tape tape = new Tape(backend)) {
      JsonNode config = config(folder);
      Weights weights = new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0));
      int outputs = golden.shape("fwd/logits")[1];
      try (Model model = Models.build(checkpoint.config(), outputs, backend, weights)) {
        Set<Role> targets = GoldenMethods.targets(config, model);
        InitCache prepared = InitCache.alone(dataloader(config, batches));
        Method drawing = GoldenMethods.method(manifest(folder), model);
        MethodHooks method =
            drawing.attach(new AttachContext(model, targets, backend, new Seeds(0), prepared));
        requireNames(golden, model);
        checkStart(golden, model, backend);
        load(golden, "frozen/", model, backend);
        loadShared(golden, model, backend);
        loadDrawn(golden, drawing, model, backend);
        load(golden, "init/", model, backend);
        golden.check("init_fwd/logits", logits(tape, model, GoldenMethods.batch(batches, 0)));
        load(golden, "state/", model, backend);
        golden.check("fwd/logits", logits(tape, model, GoldenMethods.batch(batches, 0)));
        checkMerged(golden, model, backend);
        if (hasLabels(batches)) {
          train(golden, config, model, method, tape, batches);
        } else {
          assertThat(golden.names()).noneMatch(name -> name.matches("(grad|train|after\\d+)/.*"));
        }
      }
    }
  }

  private static void requireNames(GoldenCase golden, Model model) {
    List<String> stored =
        golden.names().stream().filter(name -> name.startsWith("after5/")).toList();
    List<String> learning =
        model.trainable().stream()
            .map(parameter -> find(golden, "after5/", parameter))
            .filter(golden::has)
            .toList();
    assertThat(learning).containsExactlyInAnyOrderElementsOf(stored);
  }

  /** Holds what a method computes from the base to the reference, where signs are settled. */
  private static void checkStart(GoldenCase golden, Model model, Backend backend) {
    for (Linear linear : model.projections()) {
      String base = "base/" + linear.name() + ".weight";
      boolean isDrawn = golden.names().stream().anyMatch(name -> name.startsWith("omega/"));
      if (linear.adapter() instanceof ResidualAdapter residual && isDrawn) {
        // Another draw: the reference's start takes its place.
        copyStart(golden, linear, residual, backend);
      }
      if (golden.has(base)) {
        Tensor rest = copy(linear.weight().value(), backend);
        ((ResidualAdapter) linear.adapter()).start().addTo(backend, rest);
        golden.check(base, floats(backend, rest));
        backend.free(rest.memory());
      }
      String components = "eva/exact/" + linear.name();
      if (golden.has(components)) {
        Parameter a = linear.adapter().parameters().get(0);
        golden.check(components, floats(backend, a.value()));
      }
    }
  }

  private static void copyStart(
      GoldenCase golden, Linear linear, ResidualAdapter residual, Backend backend) {
    String prefix = "init/base_model.model." + linear.name() + ".lora_";
    float[] a = golden.floats(prefix + "A.weight");
    float[] b = golden.floats(prefix + "B.weight");
    backend.write(a, 0, residual.start().a().value(), 0, a.length);
    backend.write(b, 0, residual.start().b().value(), 0, b.length);
  }

  /** Fills VeRA's pair, which the reference stores once, at its widest. */
  private static void loadShared(GoldenCase golden, Model model, Backend backend) {
    for (String name : golden.names()) {
      String kind = name.substring(name.lastIndexOf('.') + 1);
      if (name.startsWith("buffer/") && kind.startsWith("vera_")) {
        int columns = golden.shape(name)[1];
        adapterParameters(model)
            .filter(parameter -> parameter.name().endsWith(kind))
            .forEach(
                parameter -> {
                  for (int row = 0; row < parameter.value().rows(); row++) {
                    backend.write(
                        golden.floats(name),
                        row * columns,
                        parameter.value().slice(row, 1),
                        0,
                        parameter.value().columns());
                  }
                });
      }
    }
  }

  private static Stream<Parameter> adapterParameters(Model model) {
    return model.additions().stream().flatMap(addition -> addition.parameters().stream());
  }

  /** Fills what other methods draw and do not train. */
  private static void loadDrawn(GoldenCase golden, Method drawing, Model model, Backend backend) {
    for (String name : golden.names()) {
      String kind = name.substring(name.lastIndexOf('.') + 1);
      String module = name.replaceFirst("^buffer/base_model.model.", "").replace("." + kind, "");
      if (!name.startsWith("buffer/")) {
        continue;
      }
      switch (kind) {
        case "shira_indices" ->
            backend.write(
                places(golden, name, model, module),
                Places.of(parameter(model, module + "." + kind)).numbers());
        case "indices" -> {
          if (find(model, module + ".fourierft_left").isPresent()) {
            ((FourierFT) drawing)
                .write(
                    backend,
                    places(golden, name, model, module),
                    parameter(model, module + ".fourierft_left").value(),
                    parameter(model, module + ".fourierft_right").value());
          }
        }
        case "randlora_A", "randlora_B" ->
            find(model, module + "." + kind)
                .ifPresent(
                    basis -> {
                      float[] values = golden.floats(name);
                      backend.write(values, 0, basis.value(), 0, values.length);
                    });
        default -> {
          // Others are drawn alike, or follow from shapes.
        }
      }
    }
  }

  private static Optional<Parameter> find(Model model, String name) {
    return adapterParameters(model).filter(p -> p.name().equals(name)).findFirst();
  }

  private static Parameter parameter(Model model, String name) {
    return find(model, name).orElseThrow();
  }

  /** Rows and columns of entries as places in the row-major matrix. */
  private static int[] places(GoldenCase golden, String name, Model model, String module) {
    int[] stored = golden.ints(name);
    int in =
        model.projections().stream()
            .filter(linear -> linear.name().equals(module))
            .findFirst()
            .orElseThrow()
            .in();
    int[] places = new int[stored.length / 2];
    for (int i = 0; i < places.length; i++) {
      places[i] = stored[i] * in + stored[places.length + i];
    }
    return places;
  }

  private static List<Batch> dataloader(JsonNode config, SafeTensors batches) {
    List<Batch> list = new ArrayList<>();
    config
        .path("eva")
        .path("dataloader_batches")
        .forEach(index -> list.add(GoldenMethods.batch(batches, index.asInt())));
    return list;
  }

  private static void train(
      GoldenCase golden,
      JsonNode config,
      Model model,
      MethodHooks method,
      Tape tape,
      SafeTensors batches) {
    Backend backend = tape.backend();
    JsonNode recipe = config.path("optimizer");
    Rates rates = GoldenMethods.rates(config);
    int steps = recipe.path("steps").asInt();
    float[] losses = new float[steps];
    float[] norms = new float[steps];
    try (Updates updates =
        new Updates(
            backend,
            model.trainable(),
            rates,
            recipe.path("weight_decay").asDouble(),
            GoldenMethods.adam(config),
            GoldenMethods.updates(config, method))) {
      for (int step = 0; step < steps; step++) {
        tape.startTraining(step);
        model.trainable().forEach(parameter -> parameter.var().clearGradient());
        Var logits = model.logits(tape, GoldenMethods.batch(batches, step));
        losses[step] =
            (float)
                (HostKernels.crossEntropy(
                        tape, logits, GoldenCase.ints(batches, "in/" + step + "/labels"))
                    + method.regularisers(tape).stream().mapToDouble(tape::number).sum());
        tape.backward();
        if (step == 0) {
          golden.check("fwd/loss", new float[] {losses[0]});
          checkAll(golden, "grad/", model, parameter -> parameter.var().gradient(), backend);
        }
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
      }
    }
    golden.check("train/loss", losses);
    golden.check("train/grad_norm", norms);
    checkAll(golden, "after5/", model, Parameter::value, backend);
  }

  private static void checkAll(
      GoldenCase golden,
      String group,
      Model model,
      java.util.function.Function<Parameter, Tensor> what,
      Backend backend) {
    for (Parameter parameter : model.trainable()) {
      String name = find(golden, group, parameter);
      if (golden.has(name)) {
        golden.check(name, floats(backend, what.apply(parameter)));
      }
    }
  }

  private static void checkMerged(GoldenCase golden, Model model, Backend backend) {
    for (Linear linear : model.projections()) {
      String name = "merged/" + linear.name();
      if (golden.has(name + ".weight")) {
        Tensor weight = copy(linear.weight().value(), backend);
        Tensor bias = linear.bias() == null ? null : copy(linear.bias().value(), backend);
        linear.adapter().merge(backend, linear, weight, bias);
        golden.check(name + ".weight", floats(backend, weight));
        backend.free(weight.memory());
        if (golden.has(name + ".bias")) {
          golden.check(name + ".bias", floats(backend, bias));
        }
        if (bias != null) {
          backend.free(bias.memory());
        }
      }
    }
  }

  private static Tensor copy(Tensor tensor, Backend backend) {
    Tensor copy = new Tensor(backend.allocate(tensor.size()), 0, tensor.shape());
    backend.copy(tensor, copy);
    return copy;
  }

  private static void load(GoldenCase golden, String group, Model model, Backend backend) {
    List<Parameter> all =
        Stream.concat(model.trainable().stream(), adapterParameters(model)).distinct().toList();
    for (Parameter parameter : all) {
      String name = find(golden, group, parameter);
      if (golden.has(name)) {
        float[] values = golden.floats(name);
        assertThat(parameter.size()).as(name).isEqualTo(values.length);
        backend.write(values, 0, parameter.value(), 0, values.length);
      }
    }
  }

  /**
   * A checkpoint's names have no {@code .weight} behind DoRA's magnitude; the stored tensors do.
   * Norms are trained as copies with names of their own.
   */
  private static String find(GoldenCase golden, String group, Parameter parameter) {
    String name = parameter.name();
    return Stream.of(name, name.replaceFirst("\\.(weight|bias)$", ".ln_tuning_layers.$1"))
        .flatMap(known -> Stream.of("base_model.model." + known, "base_model." + known, known))
        .flatMap(known -> Stream.of(group + known, group + known + ".weight"))
        .filter(golden::has)
        .findFirst()
        .orElse(group + parameter.name());
  }

  private static float[] logits(Tape tape, Model model, Batch batch) {
    tape.startEvaluation();
    return floats(tape.backend(), model.logits(tape, batch).value());
  }

  private static boolean hasLabels(SafeTensors batches) {
    return batches.tensors().containsKey("in/0/labels");
  }

  private static float[] floats(Backend backend, Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  static JsonNode config(Path folder) {
    return manifest(folder).path("config");
  }

  private static JsonNode manifest(Path folder) {
    return GoldenCase.json(folder.resolve("manifest.json"));
  }

  static Path base(Path folder) {
    return folder.resolve(config(folder).path("base_model").asText()).normalize();
  }

  static Path batches(Path folder) {
    return folder.resolve(config(folder).path("batches").asText()).normalize();
  }
}
