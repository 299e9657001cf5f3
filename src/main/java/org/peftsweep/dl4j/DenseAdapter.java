package org.peftsweep.dl4j;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.compute.nd4j.Nd4jBackend;
import org.peftsweep.compute.samediff.SameDiffGraph;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.ImpossibleSettingException;
import org.peftsweep.method.Method;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

/**
 * What a method makes of one dense product, recorded.
 *
 * @param operations as text
 * @param parameters by their names in the layer
 * @param values of the same names, at the start
 */
record DenseAdapter(
    String operations, Map<String, RecordedParameter> parameters, Map<String, INDArray> values) {
  private static final String NAME = "dense";

  /** Rows of the input to record; a layer takes any number. */
  private static final int ROWS = 2;

  /**
   * The same of a method by its settings.
   *
   * @param weight {@code [out, in]}
   * @param bias {@code [1, out]}, null for none
   */
  static DenseAdapter of(
      String method, Map<String, String> settings, INDArray weight, INDArray bias, long seed) {
    return record(
        MethodSettings.method(method, settings),
        weight.columns(),
        weight.rows(),
        floats(weight),
        bias == null ? null : floats(bias),
        seed);
  }

  private static float[] floats(INDArray array) {
    return array.dup('c').reshape(array.length()).toFloatVector();
  }

  /**
   * Attaches a method and records it.
   *
   * @param weight {@code [out, in]}
   * @param bias {@code [out]}, null for none
   * @throws IllegalArgumentException if the method is none of a single product
   */
  static DenseAdapter record(
      Method method, int in, int out, float[] weight, float[] bias, long seed) {
    // One setting serves the process: it stays as it is.
    int threads = Math.max(1, Nd4j.getEnvironment().maxThreads());
    try (Backend backend = new Nd4jBackend(threads)) {
      Parameter w = parameter(backend, RecordedLayer.WEIGHT, weight, out, in);
      Parameter b = bias == null ? null : parameter(backend, RecordedLayer.BIAS, bias, out);
      SingleProduct model = new SingleProduct(new Linear(NAME, w, b));
      AttachContext to = new AttachContext(model, Set.of(Role.QUERY), backend, new Seeds(seed));
      try (MethodHooks hooks = attach(method, to)) {
        return record(model, backend, in);
      }
    }
  }

  private static MethodHooks attach(Method method, AttachContext to) {
    MethodHooks hooks;
    try {
      method.requireFit(to.model(), to.targets());
      hooks = method.attach(to);
    } catch (UnsupportedOperationException | ImpossibleSettingException e) {
      throw refusal(method, "it needs a whole model or the data of a task");
    }
    if (to.projections().get(0).adapter() == null) {
      throw refusal(method, "it adds nothing to a dense product");
    }
    return hooks;
  }

  private static IllegalArgumentException refusal(Method method, String why) {
    return new IllegalArgumentException(
        "Cannot make a layer of " + method.id() + ": " + why + ", export a trial in its place");
  }

  private static Parameter parameter(Backend backend, String name, float[] values, int... shape) {
    Parameter made = Parameter.zeros(backend, NAME + "." + name, Role.QUERY, 0, shape);
    backend.write(values, 0, made.value(), 0, values.length);
    return made;
  }

  private static DenseAdapter record(SingleProduct model, Backend backend, int in) {
    SameDiffGraph recorded = new SameDiffGraph(backend);
    Map<String, Parameter> named =
        model.allParameters().stream()
            .collect(
                Collectors.toMap(Parameter::name, each -> each, (a, b) -> a, LinkedHashMap::new));
    named.forEach((name, each) -> recorded.naming(name, each.value(), each.isTrainable()));
    Tensor x = new Tensor(backend.allocate((long) ROWS * in), 0, ROWS, in);
    recorded.naming(RecordedLayer.INPUT, x, false);
    try (Tape tape = new Tape(backend, recorded)) {
      tape.startEvaluation();
      Var y = model.projections().get(0).forward(tape, Var.constant(x));
      SameDiff graph = recorded.graph();
      String out = recorded.variable(y.value()).name();
      Map<String, String> modules =
          named.keySet().stream()
              .filter(graph::hasVariable)
              .collect(Collectors.toMap(name -> name, name -> NAME));
      List<String> inputs = List.of(RecordedLayer.INPUT);
      Cuts cuts =
          new Cuts(graph, inputs, List.of(out), modules, name -> named.get(name).isTrainable());
      List<Parts.Part> parts = new Parts(graph, inputs, modules, cuts).all();
      if (parts.size() != 1) {
        throw new IllegalStateException("Cannot make one layer of " + parts.size() + " parts");
      }
      Parts.Part part = parts.get(0);
      Map<String, RecordedParameter> parameters = new LinkedHashMap<>();
      Map<String, INDArray> values = new LinkedHashMap<>();
      part.parameters()
          .forEach(
              (own, name) -> {
                boolean learns = named.containsKey(name) && named.get(name).isTrainable();
                INDArray start = graph.getVariable(name).getArr();
                parameters.put(
                    own,
                    new RecordedParameter(
                        start.shape(), learns ? named.get(name).rateFactor() : 0, learns));
                values.put(own, start);
              });
      return new DenseAdapter(part.operations(), parameters, values);
    }
  }
}
