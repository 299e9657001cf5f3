package org.peftsweep.method;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.peftsweep.compute.Backend;
import org.peftsweep.model.Role;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.OptimizerState;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Scratch;
import org.peftsweep.optim.Update;

/** Reads methods and targets from the settings that reference cases were made with. */
final class GoldenMethods {
  private static final Map<String, Set<Role>> ROLES = new TreeMap<>();

  static {
    ROLES.put("query", EnumSet.of(Role.QUERY));
    ROLES.put("q_proj", EnumSet.of(Role.QUERY));
    ROLES.put("key", EnumSet.of(Role.KEY));
    ROLES.put("k_proj", EnumSet.of(Role.KEY));
    ROLES.put("value", EnumSet.of(Role.VALUE));
    ROLES.put("v_proj", EnumSet.of(Role.VALUE));
    ROLES.put("o_proj", EnumSet.of(Role.OUTPUT));
    ROLES.put("attention.output.dense", EnumSet.of(Role.OUTPUT));
    ROLES.put("intermediate.dense", EnumSet.of(Role.FFN_UP));
    // A module is named by its ending, and this one ends two.
    ROLES.put("output.dense", EnumSet.of(Role.OUTPUT, Role.FFN_DOWN));
    ROLES.put("up_proj", EnumSet.of(Role.FFN_UP));
    ROLES.put("gate_proj", EnumSet.of(Role.FFN_GATE));
    ROLES.put("down_proj", EnumSet.of(Role.FFN_DOWN));
  }

  /** Part of the names of cases that PEFT's optimizer for LoRA-FA made. */
  private static final String LORAFA_OPTIMIZER = "lorafa_optimizer";

  private GoldenMethods() {}

  /** Returns the method of a case; empty where this project has none for it. */
  static Optional<Method> method(JsonNode manifest) {
    JsonNode config = manifest.path("config");
    String name = config.path("method").asText();
    JsonNode peft = config.path("peft_config");
    // Cases on another model than the usual one have its name in front.
    String plain = name.replaceFirst("^(bert|roberta|llama)[a-z0-9]*_", "");
    if (plain.startsWith("head_only")) {
      return Optional.of(new HeadOnly());
    }
    if (plain.startsWith("bitfit")) {
      return Optional.of(new Bitfit());
    }
    if (plain.startsWith("adalora_")) {
      return Optional.of(adaLoRA(peft));
    }
    if (!targets(config).isPresent()) {
      return Optional.empty();
    }
    int rank = peft.path("r").asInt();
    return switch (peft.path("peft_type").asText()) {
      case "LN_TUNING" -> Optional.of(new LnTuning());
      case "IA3" -> Optional.of(new IA3(inputs(peft)));
      case "VERA" ->
          Optional.of(
              new VeRA(
                  rank,
                  peft.path("d_initial").asDouble(),
                  peft.path("projection_prng_key").asLong(),
                  peft.path("vera_dropout").asDouble()));
      case "LORA" -> lora(name, manifest, rank);
      default -> Optional.empty();
    };
  }

  /** Variants that share all settings tell themselves apart by the case's name. */
  private static Optional<Method> lora(String name, JsonNode manifest, int rank) {
    JsonNode scalars = manifest.path("scalars");
    JsonNode peft = manifest.path("config").path("peft_config");
    double alpha = peft.path("lora_alpha").asDouble();
    double dropout = peft.path("lora_dropout").asDouble();
    String start = peft.path("init_lora_weights").asText();
    if (peft.path("use_dora").asBoolean()) {
      return Optional.of(new DoRA(rank, alpha, dropout));
    } else if (peft.path("use_rslora").asBoolean()) {
      return Optional.of(new RSLoRA(rank, alpha, dropout));
    } else if (name.contains("lorafa_")) {
      return Optional.of(new LoRAFA(rank, alpha, dropout, name.contains(LORAFA_OPTIMIZER)));
    } else if (name.contains("loraplus")) {
      return Optional.of(new LoRAPlus(rank, alpha, dropout, bRatio(scalars)));
    } else if (start.startsWith("pissa_niter_")) {
      int iterations = Integer.parseInt(start.substring("pissa_niter_".length()));
      return Optional.of(new PiSSA(rank, alpha, dropout, PiSSA.Search.RANDOMISED, iterations, 0));
    }
    return switch (start) {
      case "pissa" -> Optional.of(new PiSSA(rank, alpha, dropout, PiSSA.Search.EXACT, 0, 0));
      case "olora" -> Optional.of(new OLoRA(rank, alpha, dropout));
      case "eva" -> {
        JsonNode eva = peft.path("eva_config");
        yield Optional.of(
            new EVA(
                rank,
                alpha,
                dropout,
                eva.path("rho").asDouble(),
                eva.path("tau").asDouble(),
                1000));
      }
      case "true" ->
          name.matches("([a-z0-9]+_)?lora_.*")
              ? Optional.of(new LoRA(rank, alpha, dropout))
              : Optional.empty();
      default -> Optional.empty();
    };
  }

  /** The ratio of LoRA+ is told by the rates of its groups. */
  private static double bRatio(JsonNode scalars) {
    return scalars.path("loraplus/groupB").path("lr").asDouble()
        / scalars.path("loraplus/groupA").path("lr").asDouble();
  }

  /** Returns the learning rates of a case's five steps. */
  static Rates rates(JsonNode config) {
    JsonNode recipe = config.path("optimizer");
    double rate = recipe.path("lr").asDouble();
    String name = config.path("method").asText();
    // The helpers that make the optimizers of LoRA+ and LoRA-FA know no group of values.
    boolean isEven = name.contains("loraplus") || name.contains(LORAFA_OPTIMIZER);
    double ratio = isEven ? 1 : recipe.path("v_lr_ratio").asDouble();
    return new Rates(rate, ratio, rate, Rates.Grouping.ROLES);
  }

  /** Returns the other settings of the optimizer; LoRA-FA's has its own ε, told in words only. */
  static AdamW.Settings settings(JsonNode config) {
    JsonNode recipe = config.path("optimizer");
    boolean isLoRAFA = config.path("method").asText().contains(LORAFA_OPTIMIZER);
    return new AdamW.Settings(
        recipe.path("betas").get(0).asDouble(),
        recipe.path("betas").get(1).asDouble(),
        isLoRAFA ? 1e-6 : recipe.path("eps").asDouble(),
        recipe.path("weight_decay").asDouble());
  }

  /** Returns a method's updates as a case's recipe decays: LoRA-FA's optimizer spares no bias. */
  static Update.Choice updates(JsonNode config, Attached method) {
    double decay = config.path("optimizer").path("weight_decay").asDouble();
    if (!config.path("method").asText().contains(LORAFA_OPTIMIZER)) {
      return method.updates();
    }
    return parameter -> {
      Update update = method.updates().apply(parameter);
      return new Update() {
        @Override
        public void step(
            Backend backend, AdamW.Settings settings, double rate, double own, Scratch scratch) {
          update.step(backend, settings, rate, decay, scratch);
        }

        @Override
        public OptimizerState state() {
          return update.state();
        }
      };
    };
  }

  private static IA3.Inputs inputs(JsonNode peft) {
    Set<Role> roles = EnumSet.noneOf(Role.class);
    peft.path("feedforward_modules").forEach(module -> roles.addAll(roles(module.asText())));
    if (roles.isEmpty()) {
      return IA3.Inputs.NONE;
    }
    return roles.contains(Role.OUTPUT) ? IA3.Inputs.OUTPUT_AND_FFN_DOWN : IA3.Inputs.FFN_DOWN;
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
    Set<Role> targets = EnumSet.noneOf(Role.class);
    if (config.path("peft_config").path("peft_type").asText().equals("LN_TUNING")) {
      return Optional.of(targets);
    }
    for (JsonNode module : config.path("peft_config").path("target_modules")) {
      Set<Role> roles = roles(module.asText());
      if (roles.isEmpty()) {
        return Optional.empty();
      }
      targets.addAll(roles);
    }
    return Optional.of(targets);
  }

  private static Set<Role> roles(String module) {
    String inLayer = module.replaceFirst(".*\\.layers?\\.\\d+\\.", "");
    if (!inLayer.equals(module) && inLayer.equals("output.dense")) {
      return EnumSet.of(Role.FFN_DOWN);
    }
    return ROLES.keySet().stream()
        .filter(ending -> inLayer.equals(ending) || inLayer.endsWith("." + ending))
        .reduce((a, b) -> a.length() > b.length() ? a : b)
        .map(ROLES::get)
        .orElse(Set.of());
  }
}
