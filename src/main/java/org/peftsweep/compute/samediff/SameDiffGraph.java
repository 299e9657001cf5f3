package org.peftsweep.compute.samediff;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.api.OutAndGrad;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Graph;
import org.peftsweep.compute.Memory;
import org.peftsweep.compute.Tensor;

/**
 * A step as a graph of SameDiff. What a tape's operations write to the tape's own memory becomes
 * variables, computed when somebody reads it; kernels that write elsewhere run at once on another
 * backend, whose memory it all is.
 */
public final class SameDiffGraph implements Graph {
  /** Makes variables of numbers that the host hands to kernels. */
  public interface Inputs {
    /**
     * Returns what numbers come from, null for constants.
     *
     * @param name what they are
     * @param numbers as they are in the step that is recorded
     */
    SDVariable of(SameDiff graph, String name, int... numbers);
  }

  private record Named(String name, Tensor tensor, boolean learns) {}

  /** A variable of memory that holds its values itself. */
  private record Leaf(
      ElementType type, Memory memory, long offset, long size, SDVariable variable) {
    boolean isWithin(Tensor whole) {
      return type == whole.type()
          && memory == whole.memory()
          && offset >= whole.offset()
          && offset + size <= whole.offset() + whole.size();
    }
  }

  /** What a float is multiplied by to be a whole number of 64 bits; its magnitude is below 2²³. */
  private static final double WHOLE = 0x1p40;

  private static final Map<List<Object>, Method> KERNELS = new HashMap<>();

  static {
    for (Method method : Kernels.class.getDeclaredMethods()) {
      method.setAccessible(true);
      KERNELS.put(signature(method), method);
    }
  }

  private final Backend target;
  private final HostNumbers host;
  private final Backend backend;
  private final Set<Memory> own = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Map<Memory, NavigableMap<Long, Named>> parameters = new IdentityHashMap<>();
  private final Map<Memory, Map<Long, String>> inputNames = new IdentityHashMap<>();
  private Inputs inputs = (graph, name, numbers) -> null;
  private SameDiff graph;
  private Values values;
  private Kernels kernels;
  private final List<Leaf> leaves = new ArrayList<>();

  /** What was computed of the step, by variable. */
  private final Map<String, INDArray> known = new HashMap<>();

  /** Parameters that learn in this step. */
  private final List<Tensor> learning = new ArrayList<>();

  /**
   * @param target whose memory steps read and write
   */
  public SameDiffGraph(Backend target) {
    this.target = target;
    this.host = new HostNumbers(target);
    this.backend =
        (Backend)
            Proxy.newProxyInstance(
                Backend.class.getClassLoader(),
                new Class<?>[] {Backend.class},
                (InvocationHandler) this::invoke);
    begin();
  }

  /** Lets numbers from the host be variables in the steps to come. */
  public SameDiffGraph reading(Inputs from) {
    inputs = from;
    return this;
  }

  /** Names a tensor that is there before a step; one that learns is a variable to train. */
  public SameDiffGraph naming(String name, Tensor tensor, boolean learns) {
    parameters
        .computeIfAbsent(tensor.memory(), memory -> new TreeMap<>())
        .put(place(tensor), new Named(name, tensor, learns));
    return this;
  }

  /** Returns the graph of the step so far. */
  public SameDiff graph() {
    return graph;
  }

  /** Returns what a tensor of the step is, {@code [rows, columns]}. */
  public SDVariable variable(Tensor tensor) {
    return values.of(tensor);
  }

  @Override
  public Backend backend() {
    return backend;
  }

  @Override
  public void begin() {
    graph = SameDiff.create();
    values = new Values(graph, new Leaves());
    kernels = new Kernels(graph, values, host, this::learns);
    learning.clear();
    leaves.clear();
    inputNames.clear();
    known.clear();
  }

  @Override
  public void name(Tensor numbers, String name) {
    inputNames
        .computeIfAbsent(numbers.memory(), memory -> new HashMap<>())
        .put(place(numbers), name);
  }

  @Override
  public void learn(Tensor parameter) {
    learning.add(parameter);
  }

  private boolean learns(Tensor tensor) {
    Named named = named(tensor);
    return named != null && named.learns
        || learning.stream()
            .anyMatch(
                parameter ->
                    parameter.memory() == tensor.memory()
                        && parameter.offset() <= tensor.offset()
                        && tensor.offset() < parameter.offset() + parameter.size());
  }

  @Override
  public void hold(Tensor value) {
    // Whole numbers have no gradient; only what is below 2⁻⁴⁰ is cut off.
    SDVariable numbers = graph.castTo(values.of(value).mul(WHOLE), DataType.LONG);
    values.set(value, graph.castTo(numbers, DataType.FLOAT).mul(1 / WHOLE));
  }

  @Override
  public void invert(Tensor blocks, Tensor inverses) {
    values.set(inverses, Inverses.of(graph, values.of(blocks), blocks.rows(), blocks.columns()));
  }

  @Override
  public List<float[]> gradients(List<Tensor> of) {
    SDVariable loss = kernels.losses().stream().reduce(SDVariable::add).orElseThrow();
    Map<Tensor, List<Leaf>> parts = new LinkedHashMap<>();
    List<SDVariable> variables = new ArrayList<>();
    for (Tensor parameter : of) {
      List<Leaf> within = leaves.stream().filter(leaf -> leaf.isWithin(parameter)).toList();
      parts.put(parameter, within);
      within.forEach(leaf -> variables.add(leaf.variable));
    }
    graph.convertToVariables(variables);
    graph.setLossVariables(loss);
    List<String> names = variables.stream().map(SDVariable::name).toList();
    List<String> outputs = kernels.losses().stream().map(SDVariable::name).toList();
    Derivatives.make(graph, names.toArray(String[]::new));
    OutAndGrad results = graph.calculateGradientsAndOutputs(Map.of(), outputs, names);
    known.putAll(results.getOutputs());
    List<float[]> gradients = new ArrayList<>();
    for (Tensor parameter : of) {
      float[] whole = new float[Math.toIntExact(parameter.size())];
      for (Leaf part : parts.get(parameter)) {
        INDArray gradient = results.getGradients().get(part.variable.name());
        if (gradient != null) {
          float[] own = floats(gradient);
          int at = Math.toIntExact(part.offset - parameter.offset());
          System.arraycopy(own, 0, whole, at, own.length);
        }
      }
      gradients.add(whole);
    }
    return gradients;
  }

  private Object invoke(Object proxy, Method method, Object... arguments) throws Throwable {
    switch (method.getName()) {
      case "products":
        return arguments[0] == ElementType.F32 ? proxy : call(target, method, arguments);
      case "allocate":
        Memory memory = (Memory) call(target, method, arguments);
        own.add(memory);
        return memory;
      case "free":
        own.remove((Memory) arguments[0]);
        values.forget((Memory) arguments[0]);
        return call(target, method, arguments);
      case "write":
        values.forget(written(arguments));
        return call(target, method, arguments);
      case "equals":
        return proxy == arguments[0];
      case "hashCode":
        return System.identityHashCode(proxy);
      default:
        return run(proxy, method, arguments);
    }
  }

  private Object run(Object proxy, Method method, Object... arguments) throws Throwable {
    Tensor last = last(arguments);
    if (last != null && own.contains(last.memory()) && !method.getName().equals("read")) {
      Method kernel = KERNELS.get(signature(method));
      if (kernel != null) {
        return call(kernels, kernel, arguments);
      }
      if (method.isDefault()) {
        return InvocationHandler.invokeDefault(proxy, method, arguments);
      }
    }
    if (arguments != null) {
      for (Object argument : arguments) {
        settle(argument);
      }
    }
    Object result = call(target, method, arguments);
    if (last != null && method.getReturnType() == void.class && !method.getName().equals("read")) {
      values.forget(last);
    }
    return result;
  }

  /** Puts what a tensor holds by the graph into its memory. */
  private void settle(Object argument) {
    if (argument instanceof Tensor[] all) {
      Arrays.stream(all).forEach(this::settle);
    } else if (argument instanceof List<?> all) {
      all.forEach(this::settle);
    } else if (argument instanceof Tensor tensor && values.isRecorded(tensor)) {
      INDArray result = computed(values.of(tensor));
      if (tensor.type() == ElementType.F64) {
        target.fill(tensor, result.getFloat(0));
      } else {
        float[] now = floats(result);
        target.write(now, 0, tensor, 0, now.length);
      }
    }
  }

  private INDArray computed(SDVariable variable) {
    return known.computeIfAbsent(
        variable.name(), name -> graph.output(Map.of(), List.of(name)).get(name));
  }

  private static float[] floats(INDArray array) {
    return array.dup('c').reshape(array.length()).toFloatVector();
  }

  private final class Leaves implements Values.Source {
    @Override
    public Tensor whole(Tensor leaf) {
      Named named = named(leaf);
      return named == null ? leaf : named.tensor;
    }

    @Override
    public SDVariable of(Tensor leaf) {
      return leaf(leaf);
    }
  }

  /** Returns the named tensor that another is part of, null for none. */
  private Named named(Tensor part) {
    NavigableMap<Long, Named> all = parameters.get(part.memory());
    Map.Entry<Long, Named> below = all == null ? null : all.floorEntry(place(part));
    if (below == null || below.getValue().tensor.type() != part.type()) {
      return null;
    }
    Tensor whole = below.getValue().tensor;
    return part.offset() + part.size() <= whole.offset() + whole.size() ? below.getValue() : null;
  }

  /** Makes a variable of what lies in memory. */
  private SDVariable leaf(Tensor tensor) {
    if (tensor.type() == ElementType.I32) {
      int[] numbers = host.ints(tensor);
      String name = inputNames.getOrDefault(tensor.memory(), Map.of()).get(place(tensor));
      SDVariable input = name == null ? null : inputs.of(graph, name, numbers);
      return input == null
          ? graph.constant(Nd4j.createFromArray(numbers).reshape(tensor.rows(), tensor.columns()))
          : input;
    }
    float[] floats = new float[Math.toIntExact(tensor.size())];
    target.read(tensor, 0, floats, 0, floats.length);
    INDArray array = Nd4j.createFromArray(floats).reshape(tensor.rows(), tensor.columns());
    Named named = named(tensor);
    SDVariable variable;
    if (named == null || graph.hasVariable(named.name)) {
      variable = graph.constant(array);
    } else {
      variable = named.learns ? graph.var(named.name, array) : graph.constant(named.name, array);
    }
    leaves.add(new Leaf(tensor.type(), tensor.memory(), tensor.offset(), tensor.size(), variable));
    return variable;
  }

  private static Tensor written(Object... arguments) {
    if (arguments.length == 2) {
      return (Tensor) arguments[1];
    }
    Tensor whole = (Tensor) arguments[2];
    long from = whole.offset() + (Long) arguments[3];
    return new Tensor(whole.type(), whole.memory(), from, (Integer) arguments[4]);
  }

  private static long place(Tensor tensor) {
    return tensor.type().floats(tensor.offset());
  }

  private static Tensor last(Object... arguments) {
    Tensor last = null;
    if (arguments != null) {
      for (Object argument : arguments) {
        last = argument instanceof Tensor tensor ? tensor : last;
      }
    }
    return last;
  }

  private static List<Object> signature(Method method) {
    List<Object> signature = new ArrayList<>(List.of(method.getParameterTypes()));
    signature.add(method.getName());
    return signature;
  }

  /** Calls through to what a proxy stands for. */
  static Object call(Object on, Method method, Object... arguments) throws Throwable {
    try {
      return method.invoke(on, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }
}
