package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.DenseWeight;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.compute.samediff.Placeholders;
import org.peftsweep.compute.samediff.SameDiffGraph;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.dl4j.RecordedNetwork;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.Rates;

/**
 * Deeplearning4j computes and derives models with methods as the tape does, from a saved network.
 */
class RecordedNetworkTest {
  private static final Set<Role> TARGETS =
      EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);
  private static final int TOKENS = 11;
  private static final double TOLERANCE = 1e-4;

  static Stream<Arguments> aFewMethods() {
    return Stream.of(
        Arguments.of("lora", TinyModels.BERT),
        Arguments.of("mam", TinyModels.ROBERTA),
        Arguments.of("prompt", TinyModels.LLAMA));
  }

  static Stream<Arguments> methodsOnFamilies() {
    return Architectures.all().stream()
        .flatMap(
            family ->
                MethodContractTest.SAMPLES.entrySet().stream()
                    .filter(sample -> MethodContractTest.fits(sample.getValue(), family))
                    .map(sample -> Arguments.of(sample.getKey(), family)));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("aFewMethods")
  void computesAndDerivesAsTheTapeDoes(String method, Architecture family) throws IOException {
    everyMethodOnEveryFamily(method, family);
  }

  @Tag("long")
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void everyMethodOnEveryFamily(String id, Architecture family) throws IOException {
    Method method = MethodContractTest.SAMPLES.get(id);
    try (Backend backend = Backends.open("cpu", 1);
        Model model = TinyModels.model(family, backend)) {
      attach(method, model, backend);
      ComputationGraph network = restored(network(model, method, backend));
      Batch batch = TinyModels.batch(9, 6, TOKENS);
      int[] labels = TinyModels.classes(batch);
      Map<String, float[]> wanted = new HashMap<>();
      float[] logits = pass(model, backend, batch, labels, wanted);
      INDArray[] inputs = {rows(batch, batch.ids()), rows(batch, batch.mask())};
      List<String> last = network.getConfiguration().getVertexInputs().get(RecordedNetwork.OUTPUT);
      INDArray given = network.feedForward(inputs, false).get(last.get(0));
      assertClose("logits", given, logits);
      INDArray wantedLabels = Nd4j.zeros(DataType.FLOAT, batch.rows(), given.columns());
      IntStream.range(0, labels.length).forEach(i -> wantedLabels.putScalar(i, labels[i], 1));
      network.setInputs(inputs);
      network.setLabels(wantedLabels);
      network.computeGradientAndScore();
      Map<String, INDArray> gradients = network.gradient().gradientForVariable();
      assertThat(gradients.keySet().stream().map(name -> ours(name, wanted.keySet())))
          .containsExactlyInAnyOrderElementsOf(wanted.keySet());
      gradients.forEach(
          (name, gradient) -> {
            float[] ours = wanted.get(ours(name, wanted.keySet()));
            assertClose(name, gradient.div(batch.rows()), ours);
          });
      frozenStays(network, inputs, wantedLabels, wanted.keySet());
    }
  }

  private static void frozenStays(
      ComputationGraph network, INDArray[] inputs, INDArray labels, Set<String> learning) {
    Map<String, INDArray> before = new HashMap<>();
    network.paramTable().forEach((name, values) -> before.put(name, values.dup()));
    network.fit(inputs, new INDArray[] {labels});
    before.forEach(
        (name, values) ->
            assertThat(values.equalsWithEps(network.getParam(name), 0))
                .as(name)
                .isEqualTo(!learning.contains(ours(name, learning))));
  }

  /** The name that a parameter has in our checkpoints. */
  private static String ours(String name, Set<String> known) {
    int end = name.lastIndexOf('_');
    String module = name.substring(0, end);
    String rest = "." + name.substring(end + 1).replace('-', '_');
    // Layers of one module are told apart by a number.
    return known.contains(module + rest)
        ? module + rest
        : module.replaceFirst("\\.\\d+$", "") + rest;
  }

  private static void attach(Method method, Model model, Backend backend) {
    Set<Role> targets = method.usesTargets() ? TARGETS : EnumSet.noneOf(Role.class);
    InitCache prepared = InitCache.alone(List.of(TinyModels.batch(20), TinyModels.batch(21)));
    method.attach(new AttachContext(model, targets, backend, new Seeds(1), prepared));
    SplittableRandom random = new SplittableRandom(5);
    for (Parameter parameter : model.trainable()) {
      float[] values = TinyModels.read(backend, parameter.value());
      for (int i = 0; i < values.length; i++) {
        values[i] += (float) (0.1 * random.nextGaussian());
      }
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
  }

  private static ComputationGraph network(Model model, Method method, Backend backend) {
    Placeholders inputs = Placeholders.of(TOKENS, false);
    int rows = Placeholders.EXAMPLES;
    int[] mask = inputs.mask();
    int[] ids = IntStream.of(mask).map(real -> real == 1 ? 7 : 1).toArray();
    Batch batch =
        new Batch(rows, TOKENS, ids, mask, new int[ids.length], new float[rows], new int[rows]);
    SameDiffGraph graph = new SameDiffGraph(backend).reading(inputs);
    for (Parameter parameter : model.allParameters()) {
      Tensor values = ((DenseWeight) parameter.asWeight()).values();
      graph.naming(parameter.name(), values, parameter.isTrainable());
    }
    try (Tape tape = new Tape(backend, graph)) {
      tape.startEvaluation();
      Tensor outputs = model.logits(tape, batch).value();
      Rates rates = new Rates(1e-2, 1, 1e-2, Rates.Grouping.ROLES);
      return new RecordedNetwork(graph, outputs, model, method, false, rates, 0.01).build();
    }
  }

  private static ComputationGraph restored(ComputationGraph network) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ModelSerializer.writeModel(network, bytes, true);
    return ModelSerializer.restoreComputationGraph(new ByteArrayInputStream(bytes.toByteArray()));
  }

  /** Returns the logits of a training pass, and its gradients. */
  private static float[] pass(
      Model model, Backend backend, Batch batch, int[] labels, Map<String, float[]> gradients) {
    for (Parameter parameter : model.trainable()) {
      backend.fill(parameter.var().gradient(), 0);
    }
    try (Tape tape = new Tape(backend)) {
      tape.startTraining(1);
      Var logits = model.logits(tape, batch);
      float[] values = TinyModels.read(backend, logits.value());
      tape.crossEntropy(logits, tape.ints(() -> labels));
      tape.backward();
      for (Parameter parameter : model.trainable()) {
        gradients.put(parameter.name(), TinyModels.read(backend, parameter.var().gradient()));
      }
      return values;
    }
  }

  private static INDArray rows(Batch batch, int... values) {
    return Nd4j.createFromArray(values)
        .castTo(DataType.FLOAT)
        .reshape(batch.rows(), batch.tokens());
  }

  private static void assertClose(String what, INDArray given, float[] wanted) {
    float[] values = given.dup('c').reshape(given.length()).toFloatVector();
    double largest = 1;
    for (float value : wanted) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(values).as(what).hasSameSizeAs(wanted);
    for (int i = 0; i < values.length; i++) {
      assertThat((double) values[i])
          .as("%s, element %d", what, i)
          .isCloseTo(wanted[i], within(TOLERANCE * largest));
    }
  }
}
