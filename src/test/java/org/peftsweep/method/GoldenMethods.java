package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.peftsweep.GoldenCase;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Batch;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.OptimizerState;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Scratch;
import org.peftsweep.optim.Update;
import org.peftsweep.optim.UpdateRule;

/** Reads methods and targets from the settings that reference cases were made with. */
public final class GoldenMethods {
  /** Part of the names of cases that PEFT's optimizer for LoRA-FA made. */
  private static final String LORAFA_OPTIMIZER = "lorafa_optimizer";

  private GoldenMethods() {}

  /** Returns the method of a case, on the model that it was made with. */
  public static Method method(JsonNode manifest, Model model) {
    Method method = method(manifest).orElseThrow();
    return method instanceof IA3
        ? new IA3(inputs(manifest.path("config").path("peft_config"), model))
        : method;
  }

  /** Returns the method of a case, inputs of IA3 aside; empty where this project has none. */
  public static Optional<Method> method(JsonNode manifest) {
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
    int rank = peft.path("r").asInt();
    return switch (peft.path("peft_type").asText()) {
      case "LN_TUNING" -> Optional.of(new LnTuning());
      case "IA3" -> Optional.of(new IA3(IA3.Inputs.NONE));
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

  /** Returns the settings of the optimizer; LoRA-FA's has its own ε, told in words only. */
  static AdamW adam(JsonNode config) {
    JsonNode recipe = config.path("optimizer");
    boolean isLoRAFA = config.path("method").asText().contains(LORAFA_OPTIMIZER);
    return new AdamW(
        recipe.path("betas").get(0).asDouble(),
        recipe.path("betas").get(1).asDouble(),
        isLoRAFA ? 1e-6 : recipe.path("eps").asDouble());
  }

  /** Returns a method's updates as a case's recipe decays: LoRA-FA's optimizer spares no bias. */
  static UpdateRule updates(JsonNode config, MethodHooks method) {
    double decay = config.path("optimizer").path("weight_decay").asDouble();
    if (!config.path("method").asText().contains(LORAFA_OPTIMIZER)) {
      return method.updates();
    }
    return (parameter, optimizer) -> {
      Update update = method.updates().update(parameter, optimizer);
      return new Update() {
        @Override
        public void step(Backend backend, double rate, double own, Scratch scratch) {
          update.step(backend, rate, decay, scratch);
        }

        @Override
        public OptimizerState state() {
          return update.state();
        }
      };
    };
  }

  private static IA3.Inputs inputs(JsonNode peft, Model model) {
    JsonNode given = peft.path("feedforward_modules");
    Set<Role> roles = given.isEmpty() && !given.isTextual() ? Set.of() : roles(given, model);
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

  /** Returns the roles of the modules that a case targets, whatever PEFT calls them. */
  public static Set<Role> targets(JsonNode config, Model model) {
    JsonNode peft = config.path("peft_config");
    boolean isOfMatrices = !peft.isMissingNode() && !peft.isNull();
    if (!isOfMatrices || peft.path("peft_type").asText().equals("LN_TUNING")) {
      return Set.of();
    }
    return roles(peft.path("target_modules"), model);
  }

  /**
   * Returns the roles of modules: {@code all-linear}, a regular expression of whole names, or a
   * list of names and of their ends.
   */
  private static Set<Role> roles(JsonNode modules, Model model) {
    Set<Role> roles = EnumSet.noneOf(Role.class);
    Set<Role> others = EnumSet.noneOf(Role.class);
    for (Linear linear : model.projections()) {
      (isNamed(linear.name(), modules) ? roles : others).add(linear.role());
    }
    assertThat(roles).as("roles that %s names", modules).isNotEmpty();
    assertThat(roles)
        .as("roles that %s names in all layers", modules)
        .doesNotContainAnyElementsOf(others);
    return roles;
  }

  private static boolean isNamed(String module, JsonNode modules) {
    if (modules.isTextual()) {
      return modules.asText().equals("all-linear") || module.matches(modules.asText());
    }
    for (JsonNode name : modules) {
      if (module.equals(name.asText()) || module.endsWith("." + name.asText())) {
        return true;
      }
    }
    return false;
  }

  /** Returns one of the batches that a case was made from. */
  public static Batch batch(SafeTensors batches, int index) {
    String prefix = "in/" + index + "/";
    int rows = Math.toIntExact(batches.info(prefix + "input_ids").shape().get(0));
    int tokens = Math.toIntExact(batches.info(prefix + "input_ids").shape().get(1));
    int[] ids = GoldenCase.ints(batches, prefix + "input_ids");
    String types = prefix + "token_type_ids";
    return new Batch(
        rows,
        tokens,
        ids,
        GoldenCase.ints(batches, prefix + "attention_mask"),
        batches.tensors().containsKey(types)
            ? GoldenCase.ints(batches, types)
            : new int[ids.length],
        new float[rows],
        new int[rows]);
  }
}
