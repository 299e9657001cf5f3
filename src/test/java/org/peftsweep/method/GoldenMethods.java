package org.peftsweep.method;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.peftsweep.model.Role;

/** Reads methods and targets from the settings that reference cases were made with. */
final class GoldenMethods {
  private static final Map<String, Role> ROLES = new TreeMap<>();

  static {
    ROLES.put("query", Role.QUERY);
    ROLES.put("q_proj", Role.QUERY);
    ROLES.put("key", Role.KEY);
    ROLES.put("k_proj", Role.KEY);
    ROLES.put("value", Role.VALUE);
    ROLES.put("v_proj", Role.VALUE);
    ROLES.put("o_proj", Role.OUTPUT);
    ROLES.put("attention.output.dense", Role.OUTPUT);
    ROLES.put("intermediate.dense", Role.FFN_UP);
    ROLES.put("up_proj", Role.FFN_UP);
    ROLES.put("gate_proj", Role.FFN_GATE);
    ROLES.put("down_proj", Role.FFN_DOWN);
  }

  private GoldenMethods() {}

  /** Returns the method of a case; empty where this project has none for it. */
  static Optional<Method> method(JsonNode config) {
    JsonNode peft = config.path("peft_config");
    if (config.path("method").asText().startsWith("head_only")) {
      return Optional.of(new HeadOnly());
    }
    if (config.path("method").asText().matches("([a-z0-9]+_)?adalora_.*")) {
      return Optional.of(adaLoRA(peft));
    }
    boolean plain =
        peft.path("peft_type").asText().equals("LORA")
            && peft.path("init_lora_weights").asText().equals("true")
            && !peft.path("use_rslora").asBoolean()
            && config.path("method").asText().matches("([a-z0-9]+_)?(lora|dora)_.*");
    // Variants such as LoRA+ share these settings and tell themselves apart by the case's name.
    if (!plain || !targets(config).isPresent()) {
      return Optional.empty();
    }
    int rank = peft.path("r").asInt();
    double alpha = peft.path("lora_alpha").asDouble();
    double dropout = peft.path("lora_dropout").asDouble();
    return Optional.of(
        peft.path("use_dora").asBoolean()
            ? new DoRA(rank, alpha, dropout)
            : new LoRA(rank, alpha, dropout));
  }

  /** Returns AdaLoRA with the schedule of a case: steps there, fractions of all steps here. */
  static AdaLoRA adaLoRA(JsonNode peft) {
    double steps = peft.path("total_step").asDouble();
    return new AdaLoRA(
        peft.path("target_r").asInt(),
        peft.path("lora_alpha").asDouble(),
        peft.path("lora_dropout").asDouble(),
        peft.path("init_r").asDouble() / peft.path("target_r").asInt(),
        peft.path("tinit").asInt() / steps,
        peft.path("tfinal").asInt() / steps,
        peft.path("deltaT").asInt(),
        peft.path("orth_reg_weight").asDouble(),
        peft.path("beta1").asDouble());
  }

  /** Returns the targets; empty where one of them names no role that this project knows. */
  static Optional<Set<Role>> targets(JsonNode config) {
    Set<Role> roles = EnumSet.noneOf(Role.class);
    for (JsonNode module : config.path("peft_config").path("target_modules")) {
      Role role = ROLES.get(module.asText());
      if (role == null) {
        return Optional.empty();
      }
      roles.add(role);
    }
    return Optional.of(roles);
  }
}
