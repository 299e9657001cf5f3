package org.peftsweep.dl4j;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.samediff.Placeholders;
import org.peftsweep.compute.samediff.SameDiffGraph;
import org.peftsweep.method.Method;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.optim.Rates;

/**
 * A recorded model as a network: a layer for each module with parameters, by that's name, and
 * vertices for what lies between them.
 *
 * <p>Inputs are {@code ids} and {@code mask}, and {@code types} where the model reads them, each
 * {@code [examples, tokens]} of floats; rows of activations are tokens. The layer before the last
 * gives logits {@code [examples, outputs]}, the last one, {@value #OUTPUT}, probabilities or
 * values.
 *
 * @param recorded a pass from {@link Placeholders}, whose parameters have their names
 * @param outputs of the pass
 * @param isRegression whether labels are values
 * @param rates at which parameters learn
 * @param weightDecay of those that decay
 */
public record RecordedNetwork(
    SameDiffGraph recorded,
    Tensor outputs,
    Model model,
    Method method,
    boolean isRegression,
    Rates rates,
    double weightDecay) {
  /** The last layer. */
  public static final String OUTPUT = "output";

  private static final String PRODUCT = "matmul";
  private static final String SUM = "add";

  /** Builds the network, with the values that the model has. */
  public ComputationGraph build() {
    SameDiff graph = recorded.graph();
    String logits = recorded.variable(outputs).name();
    Map<String, Parameter> named =
        model.allParameters().stream()
            .collect(Collectors.toMap(Parameter::name, parameter -> parameter, (a, b) -> a));
    Map<String, String> modules = new HashMap<>();
    named.values().stream()
        .filter(parameter -> graph.hasVariable(parameter.name()))
        .forEach(parameter -> modules.put(parameter.name(), module(parameter)));
    List<String> inputs =
        List.of(Placeholders.IDS, Placeholders.MASK, Placeholders.TYPES).stream()
            .filter(graph::hasVariable)
            .toList();
    List<String> ends = new ArrayList<>(List.of(logits));
    plain(graph).forEach((name, end) -> ends.add(end));
    Cuts cuts = new Cuts(graph, inputs, ends, modules, name -> named.get(name).isTrainable());
    List<Parts.Part> parts = new Parts(graph, inputs, modules, cuts).all();
    GraphBuilder builder =
        new NeuralNetConfiguration.Builder()
            .dataType(DataType.FLOAT)
            .updater(new Adam(rates.learningRate()))
            .weightDecay(weightDecay)
            .graphBuilder()
            .addInputs(inputs);
    Map<String, String> names = new LinkedHashMap<>();
    inputs.forEach(input -> names.put(input, input));
    for (Parts.Part part : parts) {
      String[] from = part.inputs().stream().map(names::get).toArray(String[]::new);
      if (part.isLayer()) {
        builder.addLayer(part.name(), layer(part, named), from);
      } else {
        List<String> own = new ArrayList<>();
        for (int i = 0; i < from.length; i++) {
          own.add("in" + i);
        }
        builder.addVertex(part.name(), new RecordedVertex(part.operations(), own), from);
      }
      names.put(part.value(), part.name());
    }
    LossLayer.Builder loss =
        isRegression
            ? new LossLayer.Builder(LossFunction.MSE).activation(Activation.IDENTITY)
            : new LossLayer.Builder(LossFunction.MCXENT).activation(Activation.SOFTMAX);
    builder.addLayer(OUTPUT, loss.build(), names.get(logits)).setOutputs(OUTPUT);
    ComputationGraph network = new ComputationGraph(builder.build());
    network.init();
    for (Parts.Part part : parts) {
      if (part.isLayer()) {
        Map<String, INDArray> table = network.getLayer(part.name()).paramTable();
        part.parameters()
            .forEach((own, name) -> table.get(own).assign(graph.getVariable(name).getArr()));
      }
    }
    return network;
  }

  /** Frozen tensors of a method may serve several modules: each has a copy. */
  private String module(Parameter parameter) {
    boolean isOfBase = model.parameters().contains(parameter);
    return isOfBase || parameter.isTrainable() ? owner(parameter) : "";
  }

  private String owner(Parameter parameter) {
    return model.projections().stream()
        .map(Linear::name)
        .filter(name -> parameter.name().startsWith(name + "."))
        .findFirst()
        .orElseGet(parameter::module);
  }

  /** Returns what projections give that nothing adapts, by their names. */
  private Map<String, String> plain(SameDiff graph) {
    Map<String, String> plain = new HashMap<>();
    for (Linear linear : model.projections()) {
      String weight = linear.weight().name();
      if (linear.adapter() == null && graph.hasVariable(weight)) {
        String product = onlyUse(graph, weight, PRODUCT);
        String end =
            product == null || linear.bias() == null
                ? product
                : onlyUse(graph, linear.bias().name(), SUM);
        if (end != null && (end.equals(product) || isOf(graph, end, product))) {
          plain.put(linear.name(), end);
        }
      }
    }
    return plain;
  }

  /** Returns what the only operation on a variable gives, null if it is another. */
  private static String onlyUse(SameDiff graph, String variable, String operation) {
    List<String> uses = graph.getVariables().get(variable).getInputsForOp();
    if (uses == null || uses.size() != 1) {
      return null;
    }
    SameDiffOp use = graph.getOps().get(uses.get(0));
    return use.getOp().opName().equals(operation) ? use.getOutputsOfOp().get(0) : null;
  }

  private static boolean isOf(SameDiff graph, String value, String input) {
    String maker = graph.getVariables().get(value).getOutputOfOp();
    return graph.getOps().get(maker).getInputsToOp().contains(input);
  }

  private RecordedLayer layer(Parts.Part part, Map<String, Parameter> named) {
    Map<String, RecordedParameter> parameters = new LinkedHashMap<>();
    part.parameters()
        .forEach(
            (own, name) -> {
              Parameter parameter = named.get(name);
              long[] shape = recorded.graph().getVariable(name).getShape();
              boolean learns = parameter != null && parameter.isTrainable();
              parameters.put(
                  own,
                  new RecordedParameter(
                      shape,
                      learns ? rates.of(parameter) / rates.learningRate() : 0,
                      learns && rates.decays(parameter)));
            });
    boolean isAdapted =
        model.projections().stream()
            .anyMatch(linear -> linear.adapter() != null && linear.name().equals(part.name()));
    RecordedLayer layer = new RecordedLayer();
    if (isAdapted) {
      layer = Adapters.named(method.id(), Map.of(), Activation.IDENTITY, 0);
    } else if (part.value().equals(plain(recorded.graph()).get(part.name()))) {
      layer = new ProjectionLayer();
    }
    layer.record(part.operations(), parameters, 0);
    return layer;
  }
}
