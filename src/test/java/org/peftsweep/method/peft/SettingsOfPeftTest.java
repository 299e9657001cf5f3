package org.peftsweep.method.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.GoldenCase;
import org.peftsweep.TestFolders;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.AdaLoRA;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.GoldenMethods;
import org.peftsweep.method.IA3;
import org.peftsweep.method.LnTuning;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.OLoRA;
import org.peftsweep.method.PiSSA;
import org.peftsweep.method.RSLoRA;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;

/**
 * Adapters that PEFT wrote with settings of many kinds, and the logits that PEFT computes with what
 * it reads of them: a trial that starts from one must start there.
 */
@Tag("golden")
class SettingsOfPeftTest {
  @TempDir Path folder;

  static Stream<Path> adapters() {
    try (Stream<Path> folders = Files.list(TestFolders.golden().resolve("exchange"))) {
      return folders.filter(Files::isDirectory).sorted().toList().stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void startsWhereAnAdapterOfPeftEnded(Path path) {
    JsonNode expected = GoldenCase.json(path.resolve("case.json"));
    Path golden = path.getParent().getParent();
    String name = expected.path("model").asText();
    Path inputs = golden.resolve("peft/batches_" + name + ".safetensors");
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        SafeTensors batches = SafeTensors.open(inputs);
        Checkpoint base = Checkpoint.open(golden.resolve("models").resolve(name));
        PeftFolder theirs = PeftFolder.open(path)) {
      Method method = method(expected, theirs);
      Set<Role> targets = EnumSet.noneOf(Role.class);
      expected
          .path("targets")
          .forEach(
              role -> targets.add(Role.valueOf(role.asText().toUpperCase().replace('-', '_'))));
      try (Model model = fresh(base, backend)) {
        AdapterLayout layout = PeftAdapter.layout(theirs, method, model, targets);
        assertThat(AdapterLayout.fromJson(layout.toJson())).isEqualTo(layout);
        start(theirs, method, layout, targets, model, backend);
        check(expected, tape, model, batches);
        PeftAdapter.write(folder, method, model, layout, backend, name, 10);
      }
      try (PeftFolder ours = PeftFolder.open(folder);
          Model model = fresh(base, backend)) {
        boolean isConverted = method.peft(model, 1).orElseThrow().isConverted();
        Method again = isConverted ? plain(ours) : method;
        AdapterLayout layout = PeftAdapter.layout(ours, again, model, targets);
        start(ours, again, layout, targets, model, backend);
        check(expected, tape, model, batches);
      }
    }
  }

  private static Model fresh(Checkpoint base, Backend backend) {
    return Models.build(
        base.config(),
        base.config().labels().size(),
        backend,
        new CheckpointWeights(base).forTrial(backend, new Seeds(0)));
  }

  private static void start(
      PeftFolder adapter,
      Method method,
      AdapterLayout layout,
      Set<Role> targets,
      Model model,
      Backend backend) {
    InitCache prepared = InitCache.alone(java.util.List.of());
    Methods.attach(
        method, new AttachContext(model, targets, backend, new Seeds(0), prepared, layout));
    PeftAdapter.read(adapter, method, model, backend);
  }

  private static void check(JsonNode expected, Tape tape, Model model, SafeTensors batches) {
    tape.startEvaluation();
    Tensor logits = model.logits(tape, GoldenMethods.batch(batches, 0)).value();
    float[] values = new float[Math.toIntExact(logits.size())];
    tape.backend().read(logits, 0, values, 0, values.length);
    int at = 0;
    for (JsonNode row : expected.path("logits")) {
      for (JsonNode value : row) {
        assertThat(values[at++]).isCloseTo((float) value.doubleValue(), within(1e-5f));
      }
    }
    assertThat(at).isEqualTo(values.length);
  }

  private static Method plain(PeftFolder adapter) {
    return new LoRA(
        adapter.setting("r").orElseThrow().asInt(),
        adapter.setting("lora_alpha").orElseThrow().asDouble(),
        0);
  }

  private static Method method(JsonNode expected, PeftFolder adapter) {
    JsonNode asked = expected.path("method");
    int rank = adapter.setting("r").map(JsonNode::asInt).orElse(0);
    double alpha = adapter.setting("lora_alpha").map(JsonNode::asDouble).orElse(0.0);
    String id = asked.path("id").asText();
    return switch (id) {
      case "lora" -> new LoRA(rank, alpha, 0);
      case "dora" -> new DoRA(rank, alpha, 0);
      case "rslora" -> new RSLoRA(rank, alpha, 0);
      case "pissa" -> new PiSSA(rank, alpha, 0, PiSSA.Search.EXACT, 0, 0);
      case "olora" -> new OLoRA(rank, alpha, 0);
      case "ln-tuning" -> new LnTuning();
      case "ia3" -> new IA3(Roles.of(Role.valueOf(asked.path("inputs").asText())));
      case "adalora" -> {
        int target = asked.path("target").asInt();
        double factor = asked.path("init").asDouble() / target;
        yield new AdaLoRA(target, alpha, 0, factor, 0.1, 0.1, 1, 0.5, 0.85);
      }
      default -> throw new IllegalStateException(id);
    };
  }
}
