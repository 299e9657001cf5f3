package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.peftsweep.GoldenCase;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Batch;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;
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
    if (plain.startsWith("ssf")) {
      return Optional.of(new SSF(0.02));
    }
    if (plain.matches("(houlsby|pfeiffer|parallel|compacter).*")) {
      return Optional.of(bottleneck(plain, manifest));
    }
    if (plain.startsWith("adalora_")) {
      return Optional.of(adaLoRA(peft));
    }
    int rank = peft.path("r").asInt();
    return switch (peft.path("peft_type").asText()) {
      case "LN_TUNING" -> Optional.of(new LnTuning());
      case "IA3" -> Optional.of(new IA3(Roles.of()));
      case "VERA" ->
          Optional.of(
              new VeRA(
                  rank,
                  peft.path("d_initial").asDouble(),
                  peft.path("projection_prng_key").asLong(),
                  peft.path("vera_dropout").asDouble()));
      case "LORA" -> lora(name, manifest, rank);
      case "LOHA" -> Optional.of(new LoHa(rank, peft.path("alpha").asDouble()));
      case "LOKR" ->
          peft.path("decompose_both").asBoolean()
              ? Optional.empty()
              : Optional.of(
                  new LoKr(
                      rank,
                      peft.path("alpha").asDouble(),
                      Math.max(0, peft.path("decompose_factor").asInt())));
      case "OFT" -> {
        // A triangle of n columns has n·(n − 1)/2 entries.
        int entries = shape(manifest, "oft_R.weight")[1];
        yield peft.path("use_cayley_neumann").asBoolean() || peft.path("block_share").asBoolean()
            ? Optional.empty()
            : Optional.of(new OFT((int) Math.round((1 + Math.sqrt(1 + 8.0 * entries)) / 2)));
      }
      case "BOFT" ->
          Optional.of(new BOFT(shape(manifest, "boft_R")[2], shape(manifest, "boft_R")[0]));
      case "HRA" ->
          peft.path("apply_GS").asBoolean() ? Optional.empty() : Optional.of(new HRA(rank));
      case "HIRA" -> Optional.of(new HiRA(rank));
      case "FOURIERFT" ->
          Optional.of(
              new FourierFT(
                  peft.path("n_frequency").asInt(),
                  peft.path("scaling").asDouble(),
                  peft.path("random_loc_seed").asLong()));
      case "RANDLORA" ->
          Optional.of(
              new RandLoRA(
                  rank,
                  peft.path("randlora_alpha").asDouble(),
                  peft.path("projection_prng_key").asLong()));
      case "SHIRA" -> Optional.of(new SHiRA(rank));
      case "MISS" ->
          peft.path("init_weights").asText().equals("bat")
              ? Optional.of(new Bone(rank))
              : Optional.of(new MiSS(rank));
      case "C3A" -> Optional.of(new C3A(peft.path("block_size").asInt(), false));
      case "PREFIX_TUNING" ->
          Optional.of(
              new PrefixTuning(
                  peft.path("num_virtual_tokens").asInt(),
                  peft.path("prefix_projection").asBoolean()
                      ? peft.path("encoder_hidden_size").asInt()
                      : 0,
                  1));
      case "PROMPT_TUNING" ->
          Optional.of(new PromptTuning(peft.path("num_virtual_tokens").asInt(), false, 1));
      default -> Optional.empty();
    };
  }

  /** Adapters tell their widths by the shapes of their tensors. */
  private static Method bottleneck(String name, JsonNode manifest) {
    if (name.startsWith("compacter")) {
      int[] left = shape(manifest, "adapter_down.0.W_left");
      int inner = left[0] * shape(manifest, "adapter_down.0.W_right")[2];
      int reduction = left[0] * left[1] / inner;
      boolean isOfBoth = names(manifest).anyMatch(tensor -> tensor.contains("attention.output"));
      return isOfBoth
          ? new Compacter(reduction, left[0], false)
          : new CompacterPlus(reduction, left[0], false);
    }
    int[] down = shape(manifest, "adapter_down.0.weight");
    int reduction = down[1] / down[0];
    if (name.startsWith("parallel")) {
      return new ParallelAdapter(reduction, 4);
    }
    return name.startsWith("houlsby")
        ? new Houlsby(reduction, false, false)
        : new Pfeiffer(reduction, false, false);
  }

  private static Stream<String> names(JsonNode manifest) {
    return manifest.path("tensors").properties().stream().map(Map.Entry::getKey);
  }

  /** Returns the shape of the first tensor of a state whose name ends so. */
  private static int[] shape(JsonNode manifest, String end) {
    String name =
        names(manifest)
            .filter(tensor -> tensor.startsWith("state/") && tensor.endsWith(end))
            .findFirst()
            .orElseThrow();
    JsonNode shape = manifest.path("tensors").path(name).path("shape");
    return IntStream.range(0, shape.size()).map(i -> shape.get(i).asInt()).toArray();
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

  private static Roles inputs(JsonNode peft, Model model) {
    JsonNode given = peft.path("feedforward_modules");
    Set<Role> roles = given.isEmpty() && !given.isTextual() ? Set.of() : roles(given, model);
    Set<Role> ofLayers = EnumSet.noneOf(Role.class);
    ofLayers.addAll(roles);
    ofLayers.remove(Role.POOLER);
    return Roles.of(ofLayers);
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
    boolean isOfMatrices = peft.has("target_modules");
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
