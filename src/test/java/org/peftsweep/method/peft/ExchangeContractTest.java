package org.peftsweep.method.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.IA3;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.PeftForm;
import org.peftsweep.method.VeRA;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.Addition;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Linear;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;
import org.peftsweep.model.TinyModels;

/** What every method promises of its files: models of 2 layers, all that learns moved a little. */
class ExchangeContractTest {
  private static final String EVERY_METHOD =
      "org.peftsweep.method.MethodContractTest#methodsOnFamilies";
  private static final Set<Role> TARGETS =
      EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);

  @TempDir Path folder;
  private Backend backend;
  private Tape tape;

  @BeforeEach
  void open() {
    backend = Backends.open("cpu", 1);
    tape = new Tape(backend);
  }

  @AfterEach
  void close() {
    tape.close();
    backend.close();
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource(EVERY_METHOD)
  void theMergedFolderIsAPlainModelWithTheSameOutput(Method method, Architecture architecture) {
    try (Model adapted = trained(method, architecture)) {
      if (!isMergeable(adapted)) {
        assertThatThrownBy(
                () -> MergedModel.write(folder, TinyModels.config(architecture), adapted, backend))
            .hasMessageStartingWith("Cannot fold ");
        assertThat(folder).isEmptyDirectory();
        return;
      }
      MergedModel.write(folder, TinyModels.config(architecture), adapted, backend);
      try (Checkpoint checkpoint = Checkpoint.open(folder);
          Model plain =
              Models.build(
                  checkpoint.config(),
                  TinyModels.OUTPUTS,
                  backend,
                  new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(9)))) {
        assertThat(checkpoint.config()).isEqualTo(TinyModels.config(architecture));
        assertClose(logits(plain), logits(adapted));
      }
    }
  }

  private static boolean isMergeable(Model model) {
    return model.additions().stream().allMatch(Addition::isMergeable);
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource(EVERY_METHOD)
  void aFolderOfPeftStartsTheSameMethodWhereItEnded(Method method, Architecture architecture) {
    try (Model ended = trained(method, architecture)) {
      if (method.peft(ended, 10).isEmpty()) {
        assertThatThrownBy(() -> write(method, ended))
            .hasMessageContaining(Methods.id(method))
            .hasMessageContaining(
                isMergeable(ended) ? "export the merged model" : "use the kept tensors");
        return;
      }
      write(method, ended);
      boolean isConverted = method.peft(ended, 10).get().isConverted();
      try (PeftFolder adapter = PeftFolder.open(folder)) {
        Method next = isConverted ? plainLoRA(adapter) : method;
        try (Model model = started(adapter, next, architecture, targets(method))) {
          if (isConverted) {
            assertThatThrownBy(() -> PeftAdapter.layout(adapter, method, model, targets(method)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("Cannot start " + Methods.id(method) + " from " + folder);
            assertClose(logits(model), logits(ended));
          } else {
            assertThat(logits(model)).isEqualTo(logits(ended));
          }
        }
      }
    }
  }

  static Stream<Arguments> setsOfInputs() {
    return Stream.of(
            Roles.of(),
            Roles.of(Role.QUERY, Role.FFN_UP),
            Roles.of(Role.VALUE, Role.FFN_DOWN),
            Roles.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN))
        .flatMap(
            inputs ->
                Stream.of(TinyModels.ROBERTA, TinyModels.LLAMA)
                    .map(architecture -> Arguments.of(inputs, architecture)));
  }

  @ParameterizedTest
  @MethodSource("setsOfInputs")
  void anySetOfScaledInputsGoesThroughAFolderOfPeft(Roles inputs, Architecture architecture) {
    IA3 method = new IA3(inputs);
    aFolderOfPeftStartsTheSameMethodWhereItEnded(method, architecture);

    try (PeftFolder adapter = PeftFolder.open(folder);
        Model model = TinyModels.model(architecture, backend)) {
      List<String> endings = new ArrayList<>();
      adapter.setting("feedforward_modules").orElseThrow().forEach(e -> endings.add(e.asText()));
      for (Linear linear : model.projections()) {
        if (TARGETS.contains(linear.role())) {
          assertThat(endings.stream().anyMatch(ending -> linear.name().endsWith("." + ending)))
              .as(linear.name())
              .isEqualTo(inputs.contains(linear.role()));
        }
      }
      // Read with another set, tensors have other shapes.
      IA3 other = new IA3(inputs.equals(Roles.of()) ? Roles.of(Role.QUERY) : Roles.of());
      assertThatThrownBy(() -> started(adapter, other, architecture, TARGETS))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("ia3_l");
    }
  }

  /** A fresh model that an adapter is read into. */
  private Model started(
      PeftFolder adapter, Method method, Architecture architecture, Set<Role> targets) {
    Model model = TinyModels.model(architecture, backend);
    AdapterLayout layout = PeftAdapter.layout(adapter, method, model, targets);
    InitCache prepared = InitCache.alone(List.of(TinyModels.batch(20)));
    Methods.attach(
        method, new AttachContext(model, targets, backend, new Seeds(2), prepared, layout));
    PeftAdapter.read(adapter, method, model, backend);
    return model;
  }

  private static Method plainLoRA(PeftFolder adapter) {
    return new LoRA(
        adapter.setting("r").orElseThrow().asInt(),
        adapter.setting("lora_alpha").orElseThrow().asDouble(),
        0);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "roberta; query value; attention.self.query attention.self.value; query value",
        "roberta; ffn-down; output.dense; 0.output.dense 1.output.dense",
        "roberta; output ffn-down; attention.output.dense output.dense; output.dense",
        "llama; key ffn-down; self_attn.k_proj mlp.down_proj; down_proj k_proj"
      })
  void namesTargetsByTheShortestEndingsThatFitNoOther(
      String modelType, String roles, String modules, String endings) {
    try (Model model = TinyModels.model(Architectures.of(modelType, "a test"), backend)) {
      List<String> chosen =
          model.projections().stream()
              .map(linear -> linear.name())
              .filter(
                  name ->
                      List.of(modules.split(" ")).stream()
                          .anyMatch(module -> name.matches(".*\\.\\d+\\." + module)))
              .toList();
      assertThat(chosen).hasSize(2 * roles.split(" ").length);
      assertThat(PeftForm.suffixes(chosen, model)).containsExactly(endings.split(" "));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "\"r\" : 3; \"r\" : 4; its r is 4: the sweep file asks for 3",
        "\"lora_alpha\" : 6; \"lora_alpha\" : 7; its lora_alpha is 7: the sweep file asks for 6.0",
        "\"use_dora\" : false; \"use_dora\" : true; its use_dora is true",
        "\"use_rslora\" : false; \"use_rslora\" : true; its use_rslora is true",
        "\"r\" : 3; \"no_r\" : 3; its r is missing",
        "\"LORA\"; \"IA3\"; its peft_type is \"IA3\": the sweep file asks for LORA",
        "\"init_lora_weights\" : true; \"init_lora_weights\" : \"pissa\"; choose method pissa"
      })
  void anAdapterOfOtherSettingsIsRefusedWithTheSetting(String was, String is, String fault)
      throws Exception {
    LoRA lora = new LoRA(3, 6, 0);
    try (Model model = trained(lora, TinyModels.ROBERTA)) {
      write(lora, model);
      Path config = folder.resolve("adapter_config.json");
      String text = Files.readString(config);
      assertThat(text).contains(was);
      Files.writeString(config, text.replace(was, is));
      try (PeftFolder adapter = PeftFolder.open(folder)) {
        assertThatThrownBy(() -> PeftAdapter.layout(adapter, lora, model, TARGETS))
            .isInstanceOf(CheckpointException.class)
            .hasMessageStartingWith("Cannot start lora from " + folder)
            .hasMessageContaining(fault.replace(".0", ""));
      }
    }
  }

  @Test
  void otherTargetsAreRefused() {
    LoRA lora = new LoRA(3, 6, 0);
    try (Model model = trained(lora, TinyModels.ROBERTA)) {
      write(lora, model);
      try (PeftFolder adapter = PeftFolder.open(folder)) {
        for (Set<Role> others :
            List.of(EnumSet.of(Role.QUERY), EnumSet.range(Role.QUERY, Role.FFN_DOWN))) {
          assertThatThrownBy(() -> PeftAdapter.layout(adapter, lora, model, others))
              .isInstanceOf(CheckpointException.class)
              .hasMessageContaining("it adapts query and value and ffn-up and ffn-down, not query")
              .hasMessageEndingWith("give those that it was trained on as targets");
        }
      }
    }
  }

  @Test
  void tensorsThatAreMissingOrLeftOverAreNamed() {
    LoRA lora = new LoRA(3, 6, 0);
    try (Model model = trained(lora, TinyModels.ROBERTA);
        Model fewer = attached(lora, TinyModels.ROBERTA, 1, EnumSet.of(Role.QUERY));
        Model more =
            attached(lora, TinyModels.ROBERTA, 1, EnumSet.range(Role.QUERY, Role.FFN_DOWN))) {
      write(lora, model);
      try (PeftFolder adapter = PeftFolder.open(folder)) {
        assertThatThrownBy(() -> PeftAdapter.read(adapter, lora, fewer, backend))
            .hasMessageContaining("it holds 12 tensors more, such as base_model.model.roberta");
        assertThatThrownBy(() -> PeftAdapter.read(adapter, lora, more, backend))
            .hasMessageContaining("it lacks base_model.model.roberta.encoder.layer.0.attention")
            .hasMessageContaining("the targets here need [3, 24]");
      }
    }
  }

  @Test
  void aPairThatWasDrawnOtherwiseIsRefused() {
    try (Model one = trained(new VeRA(5, 0.1, 0, 0), TinyModels.ROBERTA);
        Model other = attached(new VeRA(5, 0.1, 1, 0), TinyModels.ROBERTA, 1)) {
      write(new VeRA(5, 0.1, 0, 0), one);
      try (PeftFolder adapter = PeftFolder.open(folder)) {
        assertThatThrownBy(() -> PeftAdapter.read(adapter, new VeRA(5, 0.1, 1, 0), other, backend))
            .isInstanceOf(CheckpointException.class)
            .hasMessageContaining("vera_A was drawn otherwise");
      }
    }
  }

  private void write(Method method, Model model) {
    PeftAdapter.write(folder, method, model, AdapterLayout.NONE, backend, "a/base", 10);
  }

  private Model trained(Method method, Architecture architecture) {
    Model model = attached(method, architecture, 1);
    SplittableRandom random = new SplittableRandom(5);
    for (Parameter parameter : model.trainable()) {
      float[] values = floats(parameter.value());
      for (int i = 0; i < values.length; i++) {
        values[i] += (float) (0.1 * random.nextGaussian());
      }
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
    return model;
  }

  private static Set<Role> targets(Method method) {
    return method.usesTargets() ? TARGETS : EnumSet.noneOf(Role.class);
  }

  private Model attached(Method method, Architecture architecture, long seed) {
    return attached(method, architecture, seed, targets(method));
  }

  private Model attached(Method method, Architecture architecture, long seed, Set<Role> targets) {
    Model model = TinyModels.model(architecture, backend);
    InitCache prepared = InitCache.alone(List.of(TinyModels.batch(20), TinyModels.batch(21)));
    method.attach(new AttachContext(model, targets, backend, new Seeds(seed), prepared));
    return model;
  }

  private static void assertClose(float[] actual, float[] wanted) {
    float largest = 1;
    for (float value : wanted) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(actual).containsExactly(wanted, within(1e-5f * largest));
  }

  private float[] logits(Model model) {
    tape.startEvaluation();
    return floats(model.logits(tape, TinyModels.batch(1)).value());
  }

  private float[] floats(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }
}
