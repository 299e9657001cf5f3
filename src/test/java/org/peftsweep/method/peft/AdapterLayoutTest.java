package org.peftsweep.method.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.DoRA;
import org.peftsweep.method.EVA;
import org.peftsweep.method.LoRA;
import org.peftsweep.method.LoRAFA;
import org.peftsweep.method.LoRAPlus;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.OLoRA;
import org.peftsweep.method.PiSSA;
import org.peftsweep.method.RSLoRA;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.model.TrainedTensors;

/** Adapters that are not the same for all matrices, drawn at random: out, and in again. */
class AdapterLayoutTest {
  private static final double ALPHA = 6;
  private static final int RANK = 3;

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

  static Stream<Arguments> drawn() {
    List<Method> methods =
        List.of(
            new LoRA(RANK, ALPHA, 0),
            new LoRAPlus(RANK, ALPHA, 0, 4),
            new LoRAFA(RANK, ALPHA, 0, false),
            new RSLoRA(RANK, ALPHA, 0),
            new DoRA(RANK, ALPHA, 0),
            new EVA(RANK, ALPHA, 0, 2, 0.9, 3),
            new PiSSA(RANK, ALPHA, 0, PiSSA.Search.EXACT, 0, 0),
            new OLoRA(RANK, ALPHA, 0));
    return methods.stream()
        .flatMap(
            method ->
                Architectures.all().stream()
                    // Layouts name modules of PEFT, and these have some of them in parts.
                    .filter(
                        architecture ->
                            !List.of("gpt2", "modernbert")
                                .contains(architecture.modelTypes().get(0)))
                    .flatMap(
                        architecture ->
                            IntStream.range(0, 4)
                                .mapToObj(i -> Arguments.of(method, architecture, i))));
  }

  @ParameterizedTest
  @MethodSource("drawn")
  void comesBackFromAFolderOfPeftAsItWas(Method method, Architecture architecture, int seed) {
    SplittableRandom random =
        new SplittableRandom(31L * seed + Architectures.all().indexOf(architecture));
    try (Model ended = TinyModels.model(architecture, backend)) {
      AdapterLayout layout = layout(ended, random);
      Set<Role> targets = roles(ended, layout);
      attach(method, ended, targets, layout);
      move(ended, random);
      PeftAdapter.write(folder, method, ended, layout, backend, "base", 10);
      try (PeftFolder adapter = PeftFolder.open(folder);
          Model model = TinyModels.model(architecture, backend)) {
        Method next = method.peft(ended, 10).orElseThrow().isConverted() ? doubled() : method;
        AdapterLayout read = PeftAdapter.layout(adapter, next, model, targets);
        assertThat(read).isEqualTo(next == method ? layout : doubled(layout));
        assertThat(AdapterLayout.fromJson(read.toJson())).isEqualTo(read);
        attach(next, model, targets, read);
        PeftAdapter.read(adapter, next, model, backend);
        assertThat(logits(model)).containsExactly(logits(ended), within(2e-5f));
        if (next == method) {
          assertThat(names(model)).isEqualTo(names(ended));
        }
      }
    }
  }

  private static List<String> names(Model model) {
    return model.trainable().stream().map(Object::toString).toList();
  }

  private static LoRA doubled() {
    return new LoRA(2 * RANK, 2 * ALPHA, 0);
  }

  private static AdapterLayout doubled(AdapterLayout layout) {
    SortedMap<String, Integer> ranks = new TreeMap<>(layout.ranks());
    ranks.replaceAll((module, rank) -> 2 * rank);
    SortedMap<String, Double> alphas = new TreeMap<>(layout.alphas());
    alphas.replaceAll((module, alpha) -> 2 * alpha);
    return new AdapterLayout(layout.modules(), ranks, alphas, layout.biases(), layout.saved());
  }

  /** Some of the matrices, ranks and alphas for some of them, biases or none, a module to save. */
  private static AdapterLayout layout(Model model, SplittableRandom random) {
    SortedSet<String> modules = new TreeSet<>();
    SortedMap<String, Integer> ranks = new TreeMap<>();
    SortedMap<String, Double> alphas = new TreeMap<>();
    List<String> names = model.projections().stream().map(Linear::name).toList();
    while (modules.isEmpty()) {
      names.stream().filter(name -> random.nextDouble() < 0.4).forEach(modules::add);
    }
    for (String module : modules) {
      if (random.nextBoolean()) {
        ranks.put(module, RANK + 1 + random.nextInt(3));
      }
      if (random.nextBoolean()) {
        alphas.put(module, ALPHA + 0.5 + random.nextInt(5));
      }
    }
    List<AdapterLayout.Biases> biases = List.of(AdapterLayout.Biases.values());
    SortedSet<String> saved = new TreeSet<>();
    List<String> free =
        model.parameters().stream()
            .filter(parameter -> parameter.role() != Role.HEAD)
            .map(Parameter::module)
            .filter(module -> !modules.contains(module))
            .distinct()
            .toList();
    if (random.nextBoolean()) {
      saved.add(free.get(random.nextInt(free.size())));
    }
    return new AdapterLayout(
        modules, ranks, alphas, biases.get(random.nextInt(biases.size())), saved);
  }

  private static Set<Role> roles(Model model, AdapterLayout layout) {
    Set<Role> roles = EnumSet.noneOf(Role.class);
    model.projections().stream()
        .filter(linear -> layout.modules().contains(linear.name()))
        .forEach(linear -> roles.add(linear.role()));
    roles.remove(Role.POOLER);
    return roles;
  }

  private void attach(Method method, Model model, Set<Role> targets, AdapterLayout layout) {
    InitCache prepared = InitCache.alone(List.of(TinyModels.batch(20)));
    Methods.attach(
        method, new AttachContext(model, targets, backend, new Seeds(2), prepared, layout));
  }

  private void move(Model model, SplittableRandom random) {
    for (Parameter parameter : model.trainable()) {
      float[] values = TrainedTensors.floats(parameter, backend);
      for (int i = 0; i < values.length; i++) {
        values[i] += (float) (0.1 * random.nextGaussian());
      }
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
  }

  private float[] logits(Model model) {
    tape.startEvaluation();
    var logits = model.logits(tape, TinyModels.batch(1)).value();
    float[] values = new float[Math.toIntExact(logits.size())];
    backend.read(logits, 0, values, 0, values.length);
    return values;
  }

  /** Writes an adapter of query and value, and changes its settings. */
  private PeftFolder changed(String settings) throws IOException {
    LoRA lora = new LoRA(RANK, ALPHA, 0);
    try (Model model = TinyModels.model(TinyModels.BERT, backend)) {
      attach(lora, model, EnumSet.of(Role.QUERY, Role.VALUE), AdapterLayout.NONE);
      PeftAdapter.write(folder, lora, model, AdapterLayout.NONE, backend, "base", 10);
    }
    ObjectMapper mapper = new ObjectMapper();
    Path file = folder.resolve("adapter_config.json");
    ObjectNode config = (ObjectNode) mapper.readTree(file.toFile());
    config.setAll((ObjectNode) mapper.readTree(settings));
    mapper.writeValue(file.toFile(), config);
    return PeftFolder.open(folder);
  }

  private AdapterLayout read(String settings) throws IOException {
    try (PeftFolder adapter = changed(settings);
        Model model = TinyModels.model(TinyModels.BERT, backend)) {
      return PeftAdapter.layout(
          adapter, new LoRA(RANK, ALPHA, 0), model, EnumSet.of(Role.QUERY, Role.VALUE));
    }
  }

  /** What PEFT writes beside settings that are known, where it is off. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"rank_dropout\": 0.0}",
        "{\"module_dropout\": 0}",
        "{\"made_up_later\": false}",
        "{\"made_up_later\": \"\"}",
        "{\"made_up_later\": null}",
        "{\"made_up_later\": []}"
      })
  void takesWhatIsOff(String settings) throws IOException {
    assertThat(read(settings)).isEqualTo(read("{}"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " => ",
      quoteCharacter = '`',
      textBlock =
          """
          {"lora_bias": true} => its lora_bias is true: this setting is not supported, train an adapter without it
          {"use_qalora": true} => its use_qalora is true: this setting is not supported, train an adapter without it
          {"megatron_config": {"a": 1}} => its megatron_config is {"a":1}: this setting is not supported, train an adapter without it
          {"trainable_token_indices": [1, 2]} => its trainable_token_indices is [1,2]: this setting is not supported, train an adapter without it
          {"layer_replication": [[0, 2]]} => its layer_replication is [[0,2]]: this setting is not supported, train an adapter without it
          {"target_parameters": ["a.b"]} => its target_parameters is ["a.b"]: this setting is not supported, train an adapter without it
          {"alora_invocation_tokens": [1]} => its alora_invocation_tokens is [1]: this setting is not supported, train an adapter without it
          {"use_bdlora": {"nblocks": 2}} => its use_bdlora is {"nblocks":2}: this setting is not supported, train an adapter without it
          {"arrow_config": {"top_k": 2}} => its arrow_config is {"top_k":2}: this setting is not supported, train an adapter without it
          {"module_dropout": 0.1} => its module_dropout is 0.1: this setting is not supported, train an adapter without it
          {"made_up_later": "yes"} => its made_up_later is "yes": this setting is not supported, train an adapter without it
          {"init_lora_weights": "loftq"} => its init_lora_weights is loftq: its base is not known, save it with path_initial_model_for_weight_conversion
          {"init_lora_weights": "corda"} => its init_lora_weights is corda: its base is not known, save it with path_initial_model_for_weight_conversion
          {"init_lora_weights": "pissa_niter_4"} => its init_lora_weights is pissa_niter_4: its base is not known, save it with path_initial_model_for_weight_conversion
          {"init_lora_weights": "pissa"} => its init_lora_weights is pissa: choose method pissa
          {"init_lora_weights": "olora"} => its init_lora_weights is olora: choose method olora
          {"use_dora": true} => its use_dora is true: the sweep file asks for false
          {"r": 4} => its r is 4: the sweep file asks for 3
          {"lora_alpha": 7.5} => its lora_alpha is 7.5: the sweep file asks for 6
          {"peft_type": "LOHA"} => its peft_type is "LOHA": the sweep file asks for LORA
          {"bias": "some"} => its bias is some: mend adapter_config.json, or train it anew
          {"rank_pattern": {"query": 0}} => its rank_pattern has 0: mend adapter_config.json, or train it anew
          {"rank_pattern": {"query": "x"}} => its rank_pattern has "x": mend adapter_config.json, or train it anew
          {"rank_pattern": [3]} => its rank_pattern is [3]: mend adapter_config.json, or train it anew
          {"rank_pattern": {"(": 3}} => its rank_pattern holds an expression that cannot be read here, "(": mend adapter_config.json, or train it anew
          {"alpha_pattern": {"query": -1}} => its alpha_pattern has -1: mend adapter_config.json, or train it anew
          {"layers_to_transform": ["x"]} => its layers_to_transform is ["x"]: mend adapter_config.json, or train it anew
          {"layers_to_transform": "1"} => its layers_to_transform is "1": mend adapter_config.json, or train it anew
          {"layers_to_transform": 1.0} => its layers_to_transform is 1.0: mend adapter_config.json, or train it anew
          {"layers_to_transform": true} => its layers_to_transform is true: mend adapter_config.json, or train it anew
          {"layers_to_transform": {}} => its layers_to_transform is {}: mend adapter_config.json, or train it anew
          {"layers_to_transform": [7]} => it adapts none of the matrices here, not query and value: give those that it was trained on as targets
          {"target_modules": ["query", "key"]} => it adapts query and key, not query and value: give those that it was trained on as targets
          {"target_modules": "all-linear"} => it adapts query and key and value and output and ffn-up and ffn-down, not query and value: give those that it was trained on as targets
          {"target_modules": 3} => its target_modules is 3: mend adapter_config.json, or train it anew
          {"target_modules": [[]]} => its target_modules is [[]]: mend adapter_config.json, or train it anew
          {"modules_to_save": 3} => its modules_to_save is 3: mend adapter_config.json, or train it anew
          """)
  void refusesWhatItDoesNotKnowByName(String settings, String message) {
    assertThatThrownBy(() -> read(settings))
        .isInstanceOf(CheckpointException.class)
        .hasMessage("Cannot start lora from " + folder + ", " + message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{'target_modules': ['query', 'value'], 'layers_to_transform': []}; 0q 0v 1q 1v",
        "{'target_modules': ['query', 'value'], 'layers_to_transform': 1}; 1q 1v",
        "{'target_modules': ['query', 'value'], 'layers_to_transform': [0]}; 0q 0v",
        "{'layers_to_transform': [1], 'layers_pattern': 'layer'}; 1q 1v",
        "{'layers_to_transform': [1], 'layers_pattern': ['blocks', 'layer']}; 1q 1v",
        "{'target_modules': '.*(query|value)'}; 0q 0v 1q 1v",
        "{'target_modules': '.*layer.(?P<n>[01]).*(query|value)'}; 0q 0v 1q 1v",
        "{'target_modules': ['0.attention.self.query', '1.attention.self.value']}; 0q 1v",
        "{'target_modules': 'all-linear', 'exclude_modules': ['key', 'dense']}; 0q 0v 1q 1v",
        "{'target_modules': 'ALL-LINEAR', 'exclude_modules': '.*(key|dense)'}; 0q 0v 1q 1v",
        "{'target_modules': null}; 0q 0v 1q 1v",
        "{'fan_in_fan_out': true, 'loftq_config': {'loftq_bits': 4}}; 0q 0v 1q 1v"
      })
  void findsModulesByTheRulesOfPeft(String settings, String modules) throws IOException {
    List<String> found = new ArrayList<>();
    for (String module : read(settings.replace('\'', '"')).modules()) {
      found.add(module.replaceAll(".*layer\\.(\\d).*\\.(.).*", "$1$2"));
    }
    assertThat(found).containsExactly(modules.split(" "));
  }

  @Test
  void aTensorThatIsNoNumberIsNamed() throws IOException {
    LoRA lora = new LoRA(RANK, ALPHA, 0);
    try (Model model = TinyModels.model(TinyModels.BERT, backend)) {
      attach(lora, model, EnumSet.of(Role.QUERY), AdapterLayout.NONE);
      Parameter last = model.trainable().get(model.trainable().size() - 1);
      backend.write(new float[] {Float.NaN}, 0, last.value(), 0, 1);
      PeftAdapter.write(folder, lora, model, AdapterLayout.NONE, backend, "base", 10);
      try (PeftFolder adapter = PeftFolder.open(folder)) {
        assertThatThrownBy(adapter::requireFinite)
            .isInstanceOf(CheckpointException.class)
            .hasMessageContaining(folder + ": its tensor base_model.model." + last.name());
      }
    }
  }
}
