package org.peftsweep.method.peft;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.PeftForm;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

/** What {@code adapter_config.json} says, held to a method and a model. */
final class PeftSettings {
  private static final String INIT = "init_lora_weights";
  private static final String BIAS = "bias";
  private static final String RANKS = "rank_pattern";
  private static final String ALPHAS = "alpha_pattern";
  private static final int SHOWN_CHARACTERS = 100;

  /**
   * Ways to draw a LoRA that leave the base as it is, so that no trace is left in a trained one.
   */
  private static final Set<String> STARTS_OF_LORA =
      Set.of("true", "false", "gaussian", "orthogonal", "eva", "mica");

  /**
   * Settings that are looked at, or that change nothing in what stored tensors compute. Any other
   * must be off.
   */
  private static final Set<String> KNOWN =
      Set.of(
          """
          peft_type task_type base_model_name_or_path revision inference_mode auto_mapping
          peft_version target_modules exclude_modules modules_to_save layers_to_transform
          layers_pattern fan_in_fan_out merge_weights runtime_config bias
          r lora_alpha lora_dropout init_lora_weights rank_pattern alpha_pattern use_rslora use_dora
          loftq_config eva_config corda_config lora_ga_config megatron_core qalora_group_size
          ensure_weight_tying
          target_r init_r tinit tfinal deltaT beta1 beta2 orth_reg_weight total_step
          feedforward_modules init_ia3_weights
          projection_prng_key save_projection vera_dropout d_initial init_weights"""
              .split("\\s+"));

  private final PeftFolder adapter;
  private final Method method;
  private final Model outline;
  private final PeftForm form;
  private final PeftModules modules;

  /**
   * @param outline the model, with or without values
   * @throws CheckpointException saying which setting the method cannot start from
   */
  PeftSettings(PeftFolder adapter, Method method, Model outline) {
    this.adapter = adapter;
    this.method = method;
    this.outline = outline;
    this.form =
        method
            .peft(outline, 1)
            .flatMap(PeftForm::start)
            .orElseThrow(
                () ->
                    refusal(
                        adapter,
                        method,
                        "no adapter is of this method",
                        "choose the method that its peft_type names"));
    this.modules = readable(() -> new PeftModules(adapter));
    require("peft_type", form.type());
    requireStart();
    form.deciding().forEach(this::require);
    requireKnown();
  }

  /** PEFT draws some starts into the base, so that one is needed to tell what tensors mean. */
  private void requireStart() {
    if (!form.type().equals("LORA")) {
      return;
    }
    String start = adapter.setting(INIT).map(JsonNode::asText).orElse("true");
    String wanted = form.deciding().getOrDefault(INIT, "").toString();
    boolean isPlain = STARTS_OF_LORA.contains(start);
    if (wanted.isEmpty() ? isPlain : start.equals(wanted)) {
      return;
    }
    throw refusal(
        adapter,
        method,
        "its " + INIT + " is " + start,
        isPlain
            ? "choose the method of LoRA that it is of"
            : Set.of("pissa", "olora").contains(start)
                ? "choose method " + start
                : "its base is not known, save it with"
                    + " path_initial_model_for_weight_conversion");
  }

  private void require(String key, Object wanted) {
    Optional<JsonNode> found = adapter.setting(key);
    boolean isEqual =
        found.isEmpty()
            ? wanted.equals(false)
            : wanted instanceof Number number
                ? found.get().isNumber() && found.get().doubleValue() == number.doubleValue()
                : found.get().asText().equals(wanted.toString());
    if (!isEqual) {
      throw refusal(
          adapter,
          method,
          "its " + key + " is " + found.map(PeftSettings::shown).orElse("missing"),
          "the sweep file asks for " + wanted);
    }
  }

  private void requireKnown() {
    for (String key : adapter.settings()) {
      adapter
          .setting(key)
          .filter(node -> !KNOWN.contains(key) && !form.deciding().containsKey(key))
          .filter(node -> !isOff(key, node))
          .ifPresent(
              node -> {
                throw refusal(
                    adapter,
                    method,
                    "its " + shown(key) + " is " + shown(node),
                    "this setting is not supported, train an adapter without it");
              });
    }
  }

  private static boolean isOff(String key, JsonNode node) {
    return node.isBoolean() && !node.booleanValue()
        || node.isNumber() && node.doubleValue() == 0 && key.endsWith("dropout")
        || node.isTextual() && node.textValue().isEmpty()
        || node.isContainerNode() && node.isEmpty();
  }

  /**
   * Returns what the adapter adapts and how.
   *
   * @param targets the roles that the trial asks for
   * @throws CheckpointException if they are not those of the adapter, or a setting cannot be read
   */
  AdapterLayout layout(Set<Role> targets) {
    return readable(() -> read(targets));
  }

  /** Says which adapter has a setting that cannot be read. */
  private <T> T readable(Supplier<T> read) {
    try {
      return read.get();
    } catch (IllegalArgumentException e) {
      throw refusal(
          adapter, method, "its " + e.getMessage(), "mend adapter_config.json, or train it anew");
    }
  }

  private AdapterLayout read(Set<Role> targets) {
    SortedSet<String> adapted = new TreeSet<>();
    Set<Role> roles = EnumSet.noneOf(Role.class);
    Set<Role> asked = EnumSet.noneOf(Role.class);
    for (Linear linear : outline.projections()) {
      if (targets.contains(linear.role())) {
        asked.add(linear.role());
      }
      if (adapts(linear)) {
        adapted.add(linear.name());
        roles.add(linear.role());
      }
    }
    // The pooler is none of the targets that a sweep file names: it comes with an adapter.
    roles.remove(Role.POOLER);
    if (method.usesTargets() && !roles.equals(asked)) {
      throw refusal(
          adapter,
          method,
          "it adapts " + words(roles) + ", not " + words(asked),
          "give those that it was trained on as targets");
    }
    return new AdapterLayout(
        method.usesTargets() ? adapted : new TreeSet<>(),
        numbers(RANKS, adapted, "r", JsonNode::intValue),
        numbers(ALPHAS, adapted, "lora_alpha", JsonNode::doubleValue),
        biases(),
        saved());
  }

  private boolean adapts(Linear linear) {
    if (modules.areNamed()) {
      return modules.adapts(linear.name());
    }
    String start = linear.name() + ".";
    return adapter.names().stream()
        .map(PeftFolder::bare)
        .anyMatch(
            name ->
                name.startsWith(start)
                    && !Set.of("weight", BIAS).contains(name.substring(start.length())));
  }

  private interface Reader<T> {
    T of(JsonNode node);
  }

  private <T extends Number> SortedMap<String, T> numbers(
      String key, Set<String> adapted, String own, Reader<T> reader) {
    SortedMap<String, T> numbers = new TreeMap<>();
    // AdaLoRA's pattern has another meaning: which triplets are left.
    if (!form.type().equals("LORA")) {
      return numbers;
    }
    for (String module : adapted) {
      Optional<JsonNode> number = modules.ofPattern(key, module);
      if (number.isPresent()) {
        boolean isLegal =
            key.equals(RANKS)
                ? number.get().isInt() && number.get().intValue() > 0
                : number.get().isNumber() && number.get().doubleValue() > 0;
        if (!isLegal) {
          throw new IllegalArgumentException(key + " has " + shown(number.get()));
        }
        if (number.get().doubleValue()
            != adapter.setting(own).map(JsonNode::doubleValue).orElse(0.0)) {
          numbers.put(module, reader.of(number.get()));
        }
      }
    }
    return numbers;
  }

  private AdapterLayout.Biases biases() {
    String bias = adapter.setting(BIAS).map(JsonNode::asText).orElse("none");
    return switch (bias) {
      case "none" -> AdapterLayout.Biases.NONE;
      case "all" -> AdapterLayout.Biases.ALL;
      case "lora_only", "vera_only" -> AdapterLayout.Biases.ADAPTED;
      default -> throw new IllegalArgumentException(BIAS + " is " + shown(bias));
    };
  }

  private SortedSet<String> saved() {
    return outline.parameters().stream()
        .filter(parameter -> parameter.role() != Role.HEAD)
        .map(Parameter::module)
        .filter(modules::saves)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static String words(Set<Role> roles) {
    return roles.isEmpty()
        ? "none of the matrices here"
        : roles.stream().map(Role::id).collect(Collectors.joining(" and "));
  }

  static CheckpointException refusal(
      PeftFolder adapter, Method method, String fault, String instead) {
    return new CheckpointException(
        "Cannot start %s from %s, %s: %s"
            .formatted(Methods.id(method), adapter.folder(), fault, instead));
  }

  private static String shown(JsonNode node) {
    return shown(node.toString());
  }

  private static String shown(String foreign) {
    String line = foreign.replaceAll("\\p{Cntrl}", "?");
    return line.length() <= SHOWN_CHARACTERS ? line : line.substring(0, SHOWN_CHARACTERS) + "...";
  }
}
