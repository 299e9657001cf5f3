package org.peftsweep.method.peft;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.peftsweep.checkpoint.PeftFolder;
import org.peftsweep.checkpoint.Placement;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.method.Method;
import org.peftsweep.method.Methods;
import org.peftsweep.method.PeftForm;
import org.peftsweep.method.adapter.ExchangedAdapter;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.TrainedTensors;

/**
 * LoRA of matrices that are parts of one in the reference library, written as one LoRA of that: the
 * A's one under the other, the B's along a diagonal, which gives each part the update of its own.
 */
final class JoinedLowRanks {
  private static final String WEIGHT = ".weight";
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";

  /** What PEFT adapts where a matrix is stored turned. */
  private static final Set<String> TURNED = Set.of("LORA", "ADALORA", "IA3", "VERA", "LN_TUNING");

  private final Model model;
  private final PeftForm form;

  /** Adapted parts by the module that they are of. */
  private final Map<String, List<Linear>> modules;

  private JoinedLowRanks(Model model, PeftForm form, Map<String, List<Linear>> modules) {
    this.model = model;
    this.form = form;
    this.modules = modules;
  }

  static JoinedLowRanks of(Model model, PeftForm form) {
    Map<String, List<Linear>> modules = new TreeMap<>();
    for (Linear linear : model.projections()) {
      Placement placement = model.placement(linear.name() + WEIGHT);
      if (linear.adapter() != null && placement.parts() > 1) {
        String module =
            placement.tensor().substring(0, placement.tensor().length() - WEIGHT.length());
        modules.computeIfAbsent(module, missing -> new ArrayList<>()).add(linear);
      }
    }
    return new JoinedLowRanks(model, form, modules);
  }

  /**
   * Refuses what PEFT cannot say of joined or turned matrices.
   *
   * @throws IllegalArgumentException saying what can be had instead
   */
  static void requireForm(Method method, Model model) {
    PeftForm form = method.peft(model, 1).orElseThrow();
    boolean isPlain =
        of(model, form).modules.values().stream()
            .flatMap(List::stream)
            .allMatch(linear -> isPlain(linear, form));
    boolean areWhole =
        model.parameters().stream()
            .filter(Parameter::isTrainable)
            .allMatch(parameter -> model.placement(parameter.name()).parts() == 1);
    boolean isTurned =
        model.projections().stream()
            .filter(linear -> linear.adapter() != null)
            .anyMatch(linear -> model.placement(linear.name() + WEIGHT).isTurned());
    if (!isPlain || !areWhole || isTurned && !TURNED.contains(form.type())) {
      throw new IllegalArgumentException(
          "Cannot write "
              + Methods.id(method)
              + " as a PEFT adapter, PEFT cannot say it of matrices that this model's files have"
              + " joined or turned: export the merged model");
    }
  }

  private static boolean isPlain(Linear linear, PeftForm form) {
    return form.type().equals("LORA")
        && Boolean.FALSE.equals(form.deciding().get("use_dora"))
        && !(linear.adapter() instanceof ExchangedAdapter)
        && linear.adapter().kept().stream()
            .map(Parameter::name)
            .toList()
            .equals(List.of(linear.name() + A, linear.name() + B));
  }

  /** Returns the names of the model's adapted parts. */
  Set<String> parts() {
    Set<String> parts = new TreeSet<>();
    modules.values().forEach(each -> each.forEach(linear -> parts.add(linear.name())));
    return parts;
  }

  /** Returns the names of the modules that they are of. */
  Set<String> modules() {
    return modules.keySet();
  }

  /** Returns ranks that are sums, and what keeps their updates' scale. */
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    if (modules.isEmpty()) {
      return settings;
    }
    boolean isRooted = Boolean.TRUE.equals(form.deciding().get("use_rslora"));
    double alpha = ((Number) form.deciding().get("lora_alpha")).doubleValue();
    Map<String, Object> ranks = new TreeMap<>();
    Map<String, Object> alphas = new TreeMap<>();
    modules.forEach(
        (module, parts) -> {
          int count = parts.size();
          ranks.put(module, count * form.rank());
          alphas.put(module, PeftForm.number(alpha * (isRooted ? Math.sqrt(count) : count)));
        });
    settings.put("rank_pattern", ranks);
    settings.put("alpha_pattern", alphas);
    return settings;
  }

  void write(SafeTensorsWriter tensors, Backend backend) {
    modules.forEach((module, parts) -> write(module, parts, tensors, backend));
  }

  private void write(
      String module, List<Linear> parts, SafeTensorsWriter tensors, Backend backend) {
    int rank = form.rank();
    int all = rank * parts.size();
    int in = parts.get(0).in();
    int out = parts.get(0).out();
    int places = model.placement(parts.get(0).name() + WEIGHT).parts();
    float[] a = new float[all * in];
    float[] b = new float[places * out * all];
    for (int i = 0; i < parts.size(); i++) {
      Linear part = parts.get(i);
      List<Parameter> kept = part.adapter().kept();
      System.arraycopy(TrainedTensors.floats(kept.get(0), backend), 0, a, i * rank * in, rank * in);
      float[] own = TrainedTensors.floats(kept.get(1), backend);
      int first = model.placement(part.name() + WEIGHT).part() * out;
      for (int row = 0; row < out; row++) {
        System.arraycopy(own, row * rank, b, (first + row) * all + i * rank, rank);
      }
    }
    tensors.add(PeftFolder.PREFIX + module + A, List.of((long) all, (long) in), a);
    tensors.add(PeftFolder.PREFIX + module + B, List.of((long) places * out, (long) all), b);
  }
}
