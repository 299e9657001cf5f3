package org.peftsweep.method;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TrainedTensors;

/**
 * Trained methods as adapter folders of Hugging Face's PEFT, out and in. The names of tensors and
 * settings are those that PEFT writes for a model with a classification head.
 */
public final class PeftAdapter {
  private static final List<String> HEADS = List.of("classifier", "score");
  private static final String NORMS = ".ln_tuning_layers";

  /** Settings that change what tensors mean, with the only value that can be read. */
  private static final Map<String, Set<String>> READABLE =
      new TreeMap<>(
          Map.of(
              "bias", Set.of("none"),
              "fan_in_fan_out", Set.of("false"),
              "lora_bias", Set.of("false"),
              "use_qalora", Set.of("false"),
              "rank_pattern", Set.of("{}"),
              "alpha_pattern", Set.of("{}"),
              "init_lora_weights", Set.of("true", "false", "gaussian", "orthogonal", "eva")));

  private PeftAdapter() {}

  /**
   * Writes a trained model's adapter and head.
   *
   * @param model with the method attached
   * @param base where PEFT finds the base model
   * @param steps that were trained
   * @throws IllegalArgumentException if PEFT has no such method
   */
  public static void write(
      Path folder, Method method, Model model, Backend backend, String base, int steps) {
    PeftForm form =
        method
            .peft(model, steps)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "Cannot write "
                            + Methods.id(method)
                            + " as a PEFT adapter, PEFT has no such method: export the merged"
                            + " model"));
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("task_type", "SEQ_CLS");
    settings.put("peft_type", form.type());
    settings.put("base_model_name_or_path", base);
    settings.put("inference_mode", true);
    settings.put("modules_to_save", HEADS);
    settings.put("target_modules", List.copyOf(suffixes(adapted(model), model)));
    settings.putAll(form.deciding());
    settings.putAll(form.others());
    SafeTensorsWriter tensors = new SafeTensorsWriter();
    for (Parameter parameter : model.parameters()) {
      if (parameter.isTrainable()) {
        add(tensors, PeftFolder.PREFIX + name(parameter), parameter, backend);
      }
    }
    for (Linear linear : model.projections()) {
      if (linear.adapter() instanceof Exchanged exchanged) {
        exchanged.write(tensors, backend);
      } else if (linear.adapter() != null) {
        for (Parameter parameter : linear.adapter().kept()) {
          add(tensors, PeftFolder.PREFIX + parameter.name(), parameter, backend);
        }
      }
    }
    PeftFolder.write(folder, settings, tensors);
  }

  /** An adapter that PEFT stores otherwise than as its kept tensors. */
  interface Exchanged extends Adapter {
    void write(SafeTensorsWriter tensors, Backend backend);

    /** Returns tensors that are stored, but drawn again rather than read, by PEFT's names. */
    default Map<String, float[]> drawn(Backend backend) {
      return Map.of();
    }
  }

  static void add(SafeTensorsWriter tensors, String name, Parameter parameter, Backend backend) {
    tensors.add(name, TrainedTensors.shape(parameter), floats(parameter, backend));
  }

  static float[] floats(Parameter parameter, Backend backend) {
    float[] values = new float[Math.toIntExact(parameter.size())];
    backend.read(parameter.value(), 0, values, 0, values.length);
    return values;
  }

  /** PEFT trains a copy of a norm, which it keeps below the norm's module. */
  private static String name(Parameter parameter) {
    int dot = parameter.name().lastIndexOf('.');
    return parameter.role() == Role.NORM
        ? parameter.name().substring(0, dot) + NORMS + parameter.name().substring(dot)
        : parameter.name();
  }

  private static Set<String> adapted(Model model) {
    Set<String> modules = new TreeSet<>();
    model.projections().stream()
        .filter(linear -> linear.adapter() != null)
        .forEach(linear -> modules.add(linear.name()));
    model.parameters().stream()
        .filter(parameter -> parameter.isTrainable() && parameter.role() != Role.HEAD)
        .forEach(parameter -> modules.add(module(parameter)));
    return modules;
  }

  private static String module(Parameter parameter) {
    return parameter.name().substring(0, parameter.name().lastIndexOf('.'));
  }

  /** Returns the shortest endings of names that tell these modules from all others of a model. */
  static Set<String> suffixes(Collection<String> chosen, Model model) {
    List<String> others =
        model.parameters().stream()
            .map(PeftAdapter::module)
            .filter(module -> !chosen.contains(module))
            .toList();
    return chosen.stream()
        .map(
            module -> {
              int dot = module.lastIndexOf('.');
              while (dot >= 0 && endsAny(others, module.substring(dot))) {
                dot = module.lastIndexOf('.', dot - 1);
              }
              return module.substring(dot + 1);
            })
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static boolean endsAny(List<String> modules, String suffix) {
    return modules.stream().anyMatch(module -> module.endsWith(suffix));
  }

  /**
   * Refuses an adapter that a method cannot start from, judged by its settings.
   *
   * @param outline the model, with or without values
   * @throws CheckpointException saying which setting differs
   */
  public static void requireFit(PeftFolder adapter, Method method, Model outline) {
    PeftForm form =
        method
            .peft(outline, 1)
            .filter(candidate -> !candidate.isConverted())
            .orElseThrow(
                () ->
                    refusal(
                        adapter,
                        method,
                        "no adapter is of this method",
                        "choose the method that its peft_type names"));
    requireSetting(adapter, method, "peft_type", form.type());
    form.deciding().forEach((key, value) -> requireSetting(adapter, method, key, value));
    READABLE.forEach(
        (key, values) ->
            adapter
                .setting(key)
                .filter(
                    node -> !values.contains(node.isTextual() ? node.asText() : node.toString()))
                .ifPresent(
                    node -> {
                      throw refusal(
                          adapter, method, key + " is " + node, "it must be one of " + values);
                    }));
  }

  private static void requireSetting(PeftFolder adapter, Method method, String key, Object wanted) {
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
          "its " + key + " is " + found.map(JsonNode::toString).orElse("missing"),
          "the sweep file asks for " + wanted);
    }
  }

  /**
   * Fills a model with an adapter's tensors, and its head where the adapter has one of the same
   * shapes; a head for other labels stays as it was drawn.
   *
   * @param model with the method attached
   * @throws CheckpointException if tensors are missing, left over, or of other shapes
   */
  public static void read(PeftFolder adapter, Method method, Model model, Backend backend) {
    requireFit(adapter, method, model);
    Set<String> left = new TreeSet<>(adapter.names());
    for (Parameter parameter : TrainedTensors.of(model)) {
      Optional<String> stored = adapter.find(name(parameter));
      stored.ifPresent(left::remove);
      boolean isHead = parameter.role() == Role.HEAD;
      boolean fits =
          stored.isPresent() && adapter.shape(stored.get()).equals(TrainedTensors.shape(parameter));
      if (fits) {
        float[] values = adapter.floats(stored.get());
        backend.write(values, 0, parameter.value(), 0, values.length);
      } else if (!isHead) {
        throw refusal(
            adapter,
            method,
            stored
                .map(name -> name + " has shape " + adapter.shape(name))
                .orElse("it lacks " + PeftFolder.PREFIX + name(parameter)),
            "the targets here need " + TrainedTensors.shape(parameter));
      }
    }
    for (Linear linear : model.projections()) {
      if (linear.adapter() instanceof Exchanged exchanged) {
        requireSame(adapter, method, exchanged, backend, left);
      }
    }
    if (!left.isEmpty()) {
      throw refusal(
          adapter,
          method,
          "it holds " + left.size() + " tensors more, such as " + left.iterator().next(),
          "give the targets that it was trained on");
    }
  }

  /** What is drawn again rather than read must have been drawn alike. */
  private static void requireSame(
      PeftFolder adapter, Method method, Exchanged exchanged, Backend backend, Set<String> left) {
    Map<String, float[]> drawn = exchanged.drawn(backend);
    for (String name : new ArrayList<>(left)) {
      float[] values = drawn.get(name);
      if (values != null) {
        left.remove(name);
        if (!Arrays.equals(values, adapter.floats(name))) {
          throw refusal(
              adapter, method, "its " + name + " was drawn otherwise", "export it merged instead");
        }
      }
    }
  }

  private static CheckpointException refusal(
      PeftFolder adapter, Method method, String fault, String instead) {
    return new CheckpointException(
        "Cannot start %s from %s, %s: %s"
            .formatted(Methods.id(method), adapter.folder(), fault, instead));
  }
}
