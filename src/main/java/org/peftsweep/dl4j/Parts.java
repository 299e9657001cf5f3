package org.peftsweep.dl4j;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.nd4j.autodiff.functions.DifferentialFunction;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.autodiff.samediff.serde.FlatBuffersMapper;
import org.nd4j.linalg.api.buffer.DataType;

/** The parts of a recorded graph between {@link Cuts}, in the order in which they are computed. */
final class Parts {
  /**
   * Operations from cuts to a cut.
   *
   * @param name of its module, or of the part that it goes into
   * @param inputs the values that it needs, by their names in the recorded graph
   * @param value what it computes, by that's
   * @param parameters by their names in the part, as in the recorded graph
   * @param operations as text
   */
  record Part(
      String name,
      List<String> inputs,
      String value,
      Map<String, String> parameters,
      String operations) {
    boolean isLayer() {
      return !parameters.isEmpty();
    }
  }

  /** Constants of more elements are parameters that do not learn. */
  private static final int MOST_IN_TEXT = 256;

  private final SameDiff graph;
  private final List<String> inputs;
  private final Map<String, String> modules;
  private final Cuts cuts;
  private final Map<String, Integer> indices = new HashMap<>();

  Parts(SameDiff graph, List<String> inputs, Map<String, String> modules, Cuts cuts) {
    this.graph = graph;
    this.inputs = inputs;
    this.modules = modules;
    this.cuts = cuts;
    for (String name : graph.getVariables().keySet()) {
      indices.put(name, indices.size());
    }
  }

  /** Returns all parts; names are used once. */
  List<Part> all() {
    List<Part> made = new ArrayList<>();
    for (String value : cuts.all()) {
      if (!inputs.contains(value)) {
        made.add(part(value));
      }
    }
    return named(made);
  }

  private Part part(String value) {
    List<SameDiffOp> operations = cuts.part(value);
    Set<String> needed = new LinkedHashSet<>();
    Set<String> held = new LinkedHashSet<>();
    if (operations.isEmpty()) {
      held.add(value);
    }
    for (SameDiffOp operation : operations) {
      for (String input : operation.getInputsToOp()) {
        if (cuts.isCut(input)) {
          needed.add(input);
        } else if (isHeld(input)) {
          held.add(input);
        }
      }
    }
    if (needed.isEmpty()) {
      needed.add(inputs.get(0));
    }
    if (needed.size() > 1 && !held.isEmpty()) {
      // What is too large for text has to be in it all the same.
      held.removeIf(name -> !modules.containsKey(name));
      if (!held.isEmpty()) {
        throw new IllegalStateException("Cannot cut a graph at " + value + ": " + needed);
      }
    }
    return write(value, operations, List.copyOf(needed), List.copyOf(held));
  }

  private boolean isHeld(String name) {
    SDVariable variable = graph.getVariable(name);
    return modules.containsKey(name)
        || variable.getVariableType() == VariableType.CONSTANT
            && variable.dataType() == DataType.FLOAT
            && variable.getArr().length() > MOST_IN_TEXT;
  }

  private Part write(
      String value, List<SameDiffOp> operations, List<String> needed, List<String> held) {
    SameDiff part = SameDiff.create();
    Map<String, String> names = new HashMap<>();
    List<SDVariable> anchors = new ArrayList<>();
    for (int i = 0; i < needed.size(); i++) {
      SDVariable input =
          part.placeHolder(held.isEmpty() ? "in" + i : RecordedLayer.INPUT, DataType.FLOAT, -1, -1);
      DataType type = graph.getVariable(needed.get(i)).dataType();
      boolean isCast = type != DataType.FLOAT && isUsed(needed.get(i), operations);
      // What nothing reads Deeplearning4j takes for a loss.
      names.put(needed.get(i), isCast ? part.castTo(input, type).name() : input.name());
      if (!reaches(needed.get(i), value, operations)) {
        anchors.add(input);
      }
    }
    String module =
        held.stream()
            .map(modules::get)
            .filter(m -> m != null && !m.isEmpty())
            .findFirst()
            .orElse("");
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String name : held) {
      String own = own(name, module, parameters.size());
      part.placeHolder(own, DataType.FLOAT, graph.getVariable(name).getShape());
      names.put(name, own);
      parameters.put(own, name);
    }
    for (SameDiffOp operation : operations) {
      repeat(part, operation, names);
    }
    SDVariable made = part.getVariable(names.get(value));
    SDVariable out = made.dataType() == DataType.FLOAT ? made : part.castTo(made, DataType.FLOAT);
    for (SDVariable anchor : anchors) {
      // Deeplearning4j asks for the gradient of every input.
      out = out.add(anchor.sum().mul(0));
    }
    part.identity(Operations.OUTPUT, out);
    return new Part(module, needed, value, parameters, Operations.write(part));
  }

  private static boolean isUsed(String name, List<SameDiffOp> operations) {
    return operations.stream().anyMatch(operation -> operation.getInputsToOp().contains(name));
  }

  /** Whether a value has a gradient for an input: whole numbers on the way have none. */
  private boolean reaches(String input, String value, List<SameDiffOp> operations) {
    Set<String> reached = new HashSet<>();
    if (isReal(input)) {
      reached.add(input);
    }
    for (SameDiffOp operation : operations) {
      if (operation.getInputsToOp().stream().anyMatch(reached::contains)) {
        operation.getOutputsOfOp().stream().filter(this::isReal).forEach(reached::add);
      }
    }
    return reached.contains(value);
  }

  private boolean isReal(String name) {
    return graph.getVariable(name).dataType().isFPType();
  }

  /** Names end where Deeplearning4j's begin, at the last underscore. */
  private String own(String name, String module, int index) {
    if (!modules.containsKey(name)) {
      return "constant" + index;
    }
    String rest = name.startsWith(module + ".") ? name.substring(module.length() + 1) : name;
    return rest.replace('_', '-');
  }

  private void repeat(SameDiff part, SameDiffOp operation, Map<String, String> names) {
    for (String input : operation.getInputsToOp()) {
      if (!names.containsKey(input)) {
        String own = "c" + names.size();
        part.constant(own, graph.getVariable(input).getArr());
        names.put(input, own);
      }
    }
    List<String> outputs = new ArrayList<>();
    for (String output : operation.getOutputsOfOp()) {
      String own = "v" + names.size();
      names.put(output, own);
      Operations.declare(part, own, graph.getVariable(output));
      outputs.add(own);
    }
    DifferentialFunction copy =
        FlatBuffersMapper.cloneViaSerialize(graph, operation.getOp(), indices);
    Operations.add(
        part, copy, operation.getInputsToOp().stream().map(names::get).toList(), outputs);
  }

  /** Names parts without a module after those that they go into, and tells equal names apart. */
  private static List<Part> named(List<Part> made) {
    Map<String, String> goesInto = new HashMap<>();
    List<Part> named = new ArrayList<>();
    for (int i = made.size() - 1; i >= 0; i--) {
      Part part = made.get(i);
      String into = goesInto.getOrDefault(part.value, "logits");
      String name = part.name.isEmpty() ? into : part.name;
      part.inputs.forEach(input -> goesInto.put(input, name.replaceAll("(\\.input)?$", ".input")));
      named.add(0, new Part(name, part.inputs, part.value, part.parameters, part.operations));
    }
    Map<String, Integer> seen = new HashMap<>();
    named.replaceAll(
        part -> {
          int times = seen.merge(part.name, 1, Integer::sum);
          String name = times == 1 ? part.name : part.name + "." + times;
          return new Part(name, part.inputs, part.value, part.parameters, part.operations);
        });
    return named;
  }
}
