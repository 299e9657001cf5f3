package org.peftsweep.method.peft;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.PeftForm;
import org.peftsweep.method.adapter.AdapterLayout;
import org.peftsweep.method.adapter.ExchangedAdapter;
import org.peftsweep.model.Addition;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TrainedTensors;

/**
 * Trained methods as adapter folders of Hugging Face's PEFT, out and in. The names of tensors and
 * settings are those that PEFT writes for a model with a classification head, or for a language
 * model, whose head does not learn.
 */
public final class PeftAdapter {
  private static final List<String> HEADS = List.of("classifier", "score");
  private static final String NORMS = ".ln_tuning_layers";

  private static final String NORM_TUNING = "LN_TUNING";

  private PeftAdapter() {}

  /**
   * Writes a trained model's adapter and head.
   *
   * @param model with the method attached
   * @param layout with which it was attached; modules that it saves are written even if they did
   *     not learn
   * @param base where PEFT finds the base model
   * @param steps that were trained
   * @throws IllegalArgumentException if PEFT has no such method
   */
  public static void write(
      Path folder,
      Method method,
      Model model,
      AdapterLayout layout,
      Backend backend,
      String base,
      int steps) {
    requireForm(method, model);
    PeftForm form = method.peft(model, steps).orElseThrow();
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("task_type", model.isLanguageModel() ? "CAUSAL_LM" : "SEQ_CLS");
    settings.put("peft_type", form.type());
    settings.put("base_model_name_or_path", base);
    settings.put("inference_mode", true);
    List<String> heads = model.isLanguageModel() ? List.of() : heads(model);
    List<String> whole = Stream.concat(heads.stream(), saved(model, layout).stream()).toList();
    if (!whole.isEmpty()) {
      settings.put("modules_to_save", whole);
    }
    Set<String> adapted = adapted(model, form, layout);
    JoinedLowRanks joined = JoinedLowRanks.of(model, form);
    adapted.removeAll(joined.parts());
    Set<String> targets = new TreeSet<>(PeftForm.suffixes(adapted, model));
    targets.addAll(joined.modules());
    settings.put("target_modules", List.copyOf(targets));
    settings.putAll(form.deciding());
    settings.putAll(form.others());
    settings.putAll(ofLayout(form, layout));
    settings.putAll(joined.settings());
    if (adapted(model, form, layout).stream().anyMatch(module -> isTurned(model, module))) {
      settings.put("fan_in_fan_out", true);
    }
    SafeTensorsWriter tensors = new SafeTensorsWriter();
    Namer namer = new Namer(model, form);
    for (Parameter parameter : model.parameters()) {
      if (parameter.isTrainable() || layout.saved().contains(parameter.module())) {
        TrainedTensors.add(tensors, PeftFolder.PREFIX + namer.name(parameter), parameter, backend);
      }
    }
    for (Linear linear : model.projections()) {
      if (linear.adapter() instanceof ExchangedAdapter exchanged) {
        exchanged.write(tensors, backend);
      } else if (linear.adapter() != null && !joined.parts().contains(linear.name())) {
        for (Parameter parameter : linear.adapter().kept()) {
          TrainedTensors.add(tensors, PeftFolder.PREFIX + parameter.name(), parameter, backend);
        }
      }
    }
    joined.write(tensors, backend);
    PeftFolder.write(folder, settings, tensors);
  }

  /** Whether the reference library has a module's matrix as its Conv1D does. */
  private static boolean isTurned(Model model, String module) {
    return model.placement(module + ".weight").isTurned();
  }

  /** Returns the modules of a head that learns, by names that PEFT finds them by. */
  private static List<String> heads(Model model) {
    Stream<String> others =
        model.parameters().stream()
            .filter(parameter -> parameter.role() == Role.HEAD)
            .map(parameter -> parameter.module().split("\\.")[0])
            .filter(module -> HEADS.stream().noneMatch(module::endsWith));
    return Stream.concat(HEADS.stream(), others).distinct().toList();
  }

  /**
   * Refuses a method that is not written as one.
   *
   * @throws IllegalArgumentException saying what can be had instead
   */
  public static void requireForm(Method method, Model model) {
    if (method.peft(model, 1).isEmpty()) {
      boolean isMergeable = model.additions().stream().allMatch(Addition::isMergeable);
      throw new IllegalArgumentException(
          "Cannot write "
              + Methods.id(method)
              + " as a PEFT adapter, which this program does not write for it: "
              + (isMergeable ? "export the merged model" : "use the kept tensors"));
    }
    JoinedLowRanks.requireForm(method, model);
  }

  /** Returns modules to save by endings that PEFT finds no other module by. */
  private static Set<String> saved(Model model, AdapterLayout layout) {
    return PeftForm.savedSuffixes(layout.saved(), model);
  }

  /** What a layout adds to an adapter's settings; a conversion may multiply ranks. */
  private static Map<String, Object> ofLayout(PeftForm form, AdapterLayout layout) {
    Map<String, Object> settings = new LinkedHashMap<>();
    if (!layout.ranks().isEmpty() || !layout.alphas().isEmpty()) {
      int times = form.rank() / form.start().orElse(form).rank();
      Map<String, Object> ranks = new TreeMap<>();
      layout.ranks().forEach((module, rank) -> ranks.put(module, times * rank));
      Map<String, Object> alphas = new TreeMap<>();
      layout
          .alphas()
          .forEach((module, alpha) -> alphas.put(module, PeftForm.number(times * alpha)));
      settings.put("rank_pattern", ranks);
      settings.put("alpha_pattern", alphas);
    }
    if (layout.biases() != AdapterLayout.Biases.NONE) {
      boolean isAll = layout.biases() == AdapterLayout.Biases.ALL;
      settings.put("bias", isAll ? "all" : form.type().equals("VERA") ? "vera_only" : "lora_only");
    }
    return settings;
  }

  /** Names parameters as PEFT does: what an adapter wraps has another name than in the model. */
  private record Namer(Set<String> wrapped, boolean wrapsNorms) {
    Namer(Model model, PeftForm form) {
      this(
          model.projections().stream()
              .filter(linear -> linear.adapter() != null)
              .map(Linear::name)
              .collect(Collectors.toSet()),
          form.type().equals(NORM_TUNING));
    }

    String name(Parameter parameter) {
      String module = parameter.module();
      String last = parameter.name().substring(module.length());
      if (wrapped.contains(module)) {
        return module + ".base_layer" + last;
      }
      return wrapsNorms && parameter.role() == Role.NORM ? module + NORMS + last : module + last;
    }
  }

  private static Set<String> adapted(Model model, PeftForm form, AdapterLayout layout) {
    Set<String> modules = new TreeSet<>();
    model.projections().stream()
        .filter(linear -> linear.adapter() != null)
        .forEach(linear -> modules.add(linear.name()));
    if (form.type().equals(NORM_TUNING)) {
      model.parameters().stream()
          .filter(parameter -> parameter.isTrainable() && parameter.role() == Role.NORM)
          .forEach(parameter -> modules.add(parameter.module()));
    }
    modules.removeAll(layout.saved());
    return modules;
  }

  /**
   * Returns what an adapter adapts and how, for the method to be attached by.
   *
   * @param outline the model, with or without values
   * @param targets the roles that the trial asks for
   * @throws CheckpointException saying which setting the method cannot start from
   */
  public static AdapterLayout layout(
      PeftFolder adapter, Method method, Model outline, Set<Role> targets) {
    return new PeftSettings(adapter, method, outline).layout(targets);
  }

  /**
   * Refuses an adapter whose tensors are not those of the model, judged by names and shapes.
   *
   * @param model with the method attached by the adapter's layout; its values do not matter
   * @throws CheckpointException if tensors are missing, left over, or of other shapes
   */
  public static void requireTensors(
      PeftFolder adapter, Method method, Model model, Backend backend) {
    Set<String> left = new TreeSet<>(adapter.names());
    // With biases PEFT stores a saved module twice more, as its own parts.
    left.removeIf(name -> name.contains(".original_module.") || name.contains(".modules_to_save."));
    Namer namer = new Namer(model, method.peft(model, 1).orElseThrow());
    for (Parameter parameter : read(model)) {
      Optional<String> stored = find(adapter, namer, parameter);
      stored.ifPresent(left::remove);
      boolean fits =
          stored.filter(name -> adapter.shape(name).equals(shape(adapter, parameter))).isPresent();
      if (!fits && parameter.role() != Role.HEAD) {
        throw PeftSettings.refusal(
            adapter,
            method,
            stored
                .map(name -> name + " has shape " + adapter.shape(name))
                .orElse("it lacks " + PeftFolder.PREFIX + namer.name(parameter)),
            "the targets here need " + shape(adapter, parameter));
      }
    }
    for (Linear linear : model.projections()) {
      if (linear.adapter() instanceof ExchangedAdapter exchanged) {
        left.removeAll(exchanged.drawn(backend).keySet());
      }
    }
    if (!left.isEmpty()) {
      throw PeftSettings.refusal(
          adapter,
          method,
          "it holds " + left.size() + " tensors more, such as " + left.iterator().next(),
          "give the targets that it was trained on");
    }
  }

  private static Optional<String> find(PeftFolder adapter, Namer namer, Parameter parameter) {
    return adapter.find(namer.name(parameter)).or(() -> adapter.find(parameter.name()));
  }

  /** Returns what is read: all that learns of the base, and the adapters' own. */
  private static List<Parameter> read(Model model) {
    return Stream.concat(
            model.parameters().stream().filter(Parameter::isTrainable),
            model.projections().stream()
                .map(Linear::adapter)
                .filter(Objects::nonNull)
                .flatMap(
                    adapter ->
                        (adapter instanceof ExchangedAdapter exchanged
                                ? exchanged.read()
                                : adapter.kept())
                            .stream()))
        .toList();
  }

  private static List<Long> shape(PeftFolder adapter, Parameter parameter) {
    return AdaLoRATriplets.of(adapter, parameter)
        .map(triplets -> triplets.shape(parameter))
        .orElseGet(() -> TrainedTensors.shape(parameter));
  }

  /**
   * Fills a model with an adapter's tensors, and its head where the adapter has one of the same
   * shapes; a head for other labels stays as it was drawn.
   *
   * @param model with the method attached by the adapter's layout
   * @return what it filled
   * @throws CheckpointException if tensors are missing, left over, or of other shapes
   */
  public static Set<Parameter> read(
      PeftFolder adapter, Method method, Model model, Backend backend) {
    requireTensors(adapter, method, model, backend);
    Namer namer = new Namer(model, method.peft(model, 1).orElseThrow());
    Set<Parameter> filled = new LinkedHashSet<>();
    for (Parameter parameter : read(model)) {
      find(adapter, namer, parameter)
          .filter(name -> adapter.shape(name).equals(shape(adapter, parameter)))
          .map(adapter::floats)
          .map(values -> AdaLoRATriplets.spread(adapter, parameter, values, backend))
          .ifPresent(
              values -> {
                backend.write(values, 0, parameter.value(), 0, values.length);
                filled.add(parameter);
              });
    }
    for (Linear linear : model.projections()) {
      if (linear.adapter() instanceof ExchangedAdapter exchanged) {
        requireSame(adapter, method, exchanged, backend);
      }
    }
    return filled;
  }

  /** What is drawn again rather than read must have been drawn alike. */
  private static void requireSame(
      PeftFolder adapter, Method method, ExchangedAdapter exchanged, Backend backend) {
    new TreeMap<>(exchanged.drawn(backend))
        .forEach(
            (name, values) -> {
              if (adapter.names().contains(name) && !Arrays.equals(values, adapter.floats(name))) {
                throw PeftSettings.refusal(
                    adapter,
                    method,
                    "its " + name + " was drawn otherwise",
                    "export it merged instead");
              }
            });
  }
}
