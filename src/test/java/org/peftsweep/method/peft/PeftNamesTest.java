package org.peftsweep.method.peft;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.EVA;
import org.peftsweep.method.GoldenMethods;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.VeRA;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TrainedTensors;

/** Holds adapter folders to those that PEFT itself wrote: names, shapes, values, settings. */
@Tag("golden")
class PeftNamesTest {
  /** What says where and how a folder was made, and nothing of the adapter. */
  private static final Set<String> OF_THE_MOMENT =
      Set.of("base_model_name_or_path", "inference_mode");

  @TempDir Path folder;

  static Stream<Path> foldersOfPeft() {
    return GoldenCase.folders("peft").stream()
        .filter(path -> Files.exists(path.resolve("adapter_config.json")))
        .filter(path -> GoldenMethods.method(manifest(path)).isPresent());
  }

  @ParameterizedTest
  @MethodSource("foldersOfPeft")
  void readsAndWritesWhatPeftWrote(Path path) {
    JsonNode config = manifest(path).path("config");
    Path base = path.resolve(config.path("base_model").asText()).normalize();
    Path inputs = path.resolve(config.path("batches").asText()).normalize();
    try (GoldenCase golden = GoldenCase.open(path);
        Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        PeftFolder theirs = PeftFolder.open(path);
        SafeTensors batches = SafeTensors.open(inputs);
        Checkpoint checkpoint = Checkpoint.open(base);
        Model model =
            Models.build(
                checkpoint.config(),
                golden.shape("fwd/logits")[1],
                backend,
                new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(0)))) {
      Method method = GoldenMethods.method(manifest(path), model);
      if (method.peft(model, 1).isEmpty()) {
        // It is kept and merged, but not written as PEFT does.
        return;
      }
      List<Batch> search = new ArrayList<>();
      config
          .path("eva")
          .path("dataloader_batches")
          .forEach(index -> search.add(GoldenMethods.batch(batches, index.asInt())));
      Set<Role> targets = GoldenMethods.targets(config, model);
      boolean isReadable =
          method.peft(model, 1).orElseThrow().start().isPresent() && !(method instanceof VeRA);
      AdapterLayout layout =
          isReadable ? PeftAdapter.layout(theirs, method, model, targets) : AdapterLayout.NONE;
      InitCache prepared = InitCache.alone(search);
      Methods.attach(
          method, new AttachContext(model, targets, backend, new Seeds(0), prepared, layout));
      if (isReadable) {
        PeftAdapter.read(theirs, method, model, backend);
        tape.startEvaluation();
        Tensor logits = model.logits(tape, GoldenMethods.batch(batches, 0)).value();
        float[] values = new float[Math.toIntExact(logits.size())];
        backend.read(logits, 0, values, 0, values.length);
        golden.check("fwd/logits", values);
      } else {
        fill(theirs, model, backend);
      }
      int steps = Math.max(1, config.path("peft_config").path("total_step").asInt());
      PeftAdapter.write(folder, method, model, layout, backend, "", steps);
      compare(theirs, method);
    }
  }

  /** Where PEFT's draws are not ours: what is kept, by its names. */
  private static void fill(PeftFolder theirs, Model model, Backend backend) {
    for (Parameter parameter : TrainedTensors.of(model)) {
      float[] values = theirs.floats(theirs.find(parameter.name()).orElseThrow());
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
  }

  private void compare(PeftFolder theirs, Method method) {
    try (PeftFolder ours = PeftFolder.open(folder)) {
      assertThat(new TreeSet<>(ours.names())).isEqualTo(new TreeSet<>(theirs.names()));
      for (String name : ours.names()) {
        assertThat(ours.shape(name)).as(name).isEqualTo(theirs.shape(name));
        if (!name.startsWith("base_model.vera_")) {
          assertThat(ours.floats(name)).as(name).isEqualTo(theirs.floats(name));
        }
      }
      JsonNode settings = GoldenCase.json(folder.resolve("adapter_config.json"));
      for (Map.Entry<String, JsonNode> setting : settings.properties()) {
        String key = setting.getKey();
        boolean isNamedInFull = method instanceof EVA && key.equals("target_modules");
        boolean isStart = key.equals("init_lora_weights");
        if (!OF_THE_MOMENT.contains(key) && !isNamedInFull && !isStart) {
          assertThat(plain(setting.getValue()))
              .as(key)
              .isEqualTo(plain(theirs.setting(key).orElseThrow()));
        }
      }
    }
  }

  /** Without the order of lists and without the difference between 4 and 4.0. */
  private static Object plain(JsonNode node) {
    if (node.isNumber()) {
      return node.doubleValue();
    }
    if (node.isArray()) {
      Set<String> words = new TreeSet<>();
      node.forEach(word -> words.add(word.asText()));
      return words;
    }
    if (node.isObject()) {
      Map<String, Object> values = new java.util.TreeMap<>();
      node.properties().forEach(entry -> values.put(entry.getKey(), plain(entry.getValue())));
      return values;
    }
    return node;
  }

  private static JsonNode manifest(Path path) {
    return GoldenCase.json(path.resolve("manifest.json"));
  }
}
