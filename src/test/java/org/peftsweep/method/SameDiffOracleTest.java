package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.compute.samediff.Placeholders;
import org.peftsweep.compute.samediff.SameDiffGraph;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/**
 * SameDiff computes and derives every method on every family by itself, from the operations of a
 * forward pass: outputs, losses and gradients are held to the tape's.
 */
class SameDiffOracleTest {
  private static final Set<Role> TARGETS =
      EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);
  private static final double TOLERANCE = 1e-4;

  static final List<Architecture> FAMILIES = List.copyOf(Architectures.all());

  /** What a training pass gives. */
  private record Pass(float[] outputs, List<Double> losses, Map<String, float[]> gradients) {}

  private Backend backend;

  @BeforeEach
  void open() {
    backend = Backends.open("cpu", 1);
  }

  @AfterEach
  void close() {
    backend.close();
  }

  /** Those that SameDiff must be told something for, or that make the pass another. */
  static Stream<Arguments> aFewMethods() {
    return Stream.of(
        Arguments.of("dora", TinyModels.BERT),
        Arguments.of("hra", TinyModels.LLAMA),
        Arguments.of("mam", TinyModels.ROBERTA),
        Arguments.of("ramt", TinyModels.LLAMA));
  }

  static Stream<Arguments> methodsOnFamilies() {
    return FAMILIES.stream()
        .flatMap(
            family ->
                MethodContractTest.SAMPLES.values().stream()
                    .filter(method -> MethodContractTest.fits(method, family))
                    .map(method -> Arguments.of(method, family)));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("aFewMethods")
  void computesAndDerivesAsTheTapeDoes(String method, Architecture family) {
    computesAndDerivesEveryMethodOnEveryFamily(MethodContractTest.SAMPLES.get(method), family);
  }

  @Tag("long")
  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void computesAndDerivesEveryMethodOnEveryFamily(Method method, Architecture family) {
    try (Model model = TinyModels.model(family, backend)) {
      assertSame(model, attached(method, model));
      assertTakesOtherBatches(model);
    }
  }

  /** The published way back of C3A is no derivative: the graph's gradients are it all the same. */
  @Test
  void derivesAsTheMethodSaysWhereThatIsNoDerivative() {
    try (Model model = TinyModels.model(TinyModels.BERT, backend)) {
      assertSame(model, attached(new C3A(4, false), model));
    }
  }

  /** Records a pass over one batch, and runs the graph on another. */
  private void assertTakesOtherBatches(Model model) {
    int tokens = 11;
    Placeholders inputs = Placeholders.of(tokens, false);
    int rows = Placeholders.EXAMPLES;
    int[] mask = inputs.mask();
    int[] ids = IntStream.of(mask).map(real -> real == 1 ? 7 : 1).toArray();
    Batch recorded =
        new Batch(rows, tokens, ids, mask, new int[ids.length], new float[rows], new int[rows]);
    Batch other = TinyModels.batch(9, 6, tokens);
    SameDiffGraph graph = new SameDiffGraph(backend).reading(inputs);
    try (Tape recording = new Tape(backend, graph);
        Tape tape = new Tape(backend)) {
      recording.startEvaluation();
      SDVariable outputs = graph.variable(model.logits(recording, recorded).value());
      tape.startEvaluation();
      float[] wanted = TinyModels.read(backend, model.logits(tape, other).value());
      INDArray given =
          graph
              .graph()
              .output(
                  Map.of("ids", rows(other, other.ids()), "mask", rows(other, other.mask())),
                  List.of(outputs.name()))
              .get(outputs.name());
      assertClose(
          "outputs for another batch", given.reshape(wanted.length).toFloatVector(), wanted);
    }
  }

  private static INDArray rows(Batch batch, int... values) {
    return Nd4j.createFromArray(values).reshape(batch.rows(), batch.tokens());
  }

  @Test
  void dropsWhatTheTapeDrops() {
    dropsWhatTheTapeDropsInEveryFamily(TinyModels.BERT);
  }

  @Tag("long")
  @ParameterizedTest
  @FieldSource("FAMILIES")
  void dropsWhatTheTapeDropsInEveryFamily(Architecture family) {
    try (TinyModels.Shared shared = TinyModels.shared(family, backend);
        Model model = shared.model()) {
      assertSame(model, attached(new LoRA(3, 6, 0.3), model));
    }
  }

  @Tag("long")
  @ParameterizedTest
  @FieldSource("FAMILIES")
  void readsEveryPositionWhereAnObjectiveAsks(Architecture family) {
    try (Model model = TinyModels.model(family, backend)) {
      MethodHooks method = attached(new Full(), model);
      Batch batch = TinyModels.batch(3);
      int[] all = IntStream.range(0, batch.ids().length).toArray();
      int[] labels = IntStream.of(all).map(i -> i % 4 - 1).toArray();
      Pass wanted = pass(model, method, new Tape(backend), batch, all, labels);
      Pass given =
          pass(model, method, new Tape(backend, new SameDiffGraph(backend)), batch, all, labels);
      assertSame(given, wanted);
    }
  }

  private MethodHooks attached(Method method, Model model) {
    Set<Role> targets = method.usesTargets() ? TARGETS : EnumSet.noneOf(Role.class);
    InitCache prepared = InitCache.alone(List.of(TinyModels.batch(20), TinyModels.batch(21)));
    MethodHooks hooks =
        method.attach(new AttachContext(model, targets, backend, new Seeds(1), prepared));
    SplittableRandom random = new SplittableRandom(5);
    for (Parameter parameter : model.trainable()) {
      float[] values = TinyModels.read(backend, parameter.value());
      for (int i = 0; i < values.length; i++) {
        values[i] += (float) (0.2 * random.nextGaussian());
      }
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
    return hooks;
  }

  private void assertSame(Model model, MethodHooks method) {
    Batch batch = TinyModels.batch(3);
    int[] labels = TinyModels.classes(batch);
    labels[1] = -1;
    Pass wanted = pass(model, method, new Tape(backend), batch, null, labels);
    Pass given =
        pass(model, method, new Tape(backend, new SameDiffGraph(backend)), batch, null, labels);
    assertSame(given, wanted);
  }

  private static void assertSame(Pass given, Pass wanted) {
    assertClose("outputs", given.outputs, wanted.outputs);
    for (int i = 0; i < wanted.losses.size(); i++) {
      assertThat(given.losses.get(i))
          .isCloseTo(wanted.losses.get(i), org.assertj.core.data.Offset.offset(TOLERANCE));
    }
    assertThat(given.gradients.keySet()).isEqualTo(wanted.gradients.keySet());
    wanted.gradients.forEach(
        (name, gradient) -> assertClose(name, given.gradients.get(name), gradient));
  }

  /** Relative to the largest element, as rounding is. */
  private static void assertClose(String what, float[] given, float[] wanted) {
    double largest = 1;
    for (float each : wanted) {
      largest = Math.max(largest, Math.abs(each));
    }
    assertThat(given).as(what).hasSameSizeAs(wanted);
    for (int i = 0; i < wanted.length; i++) {
      assertThat((double) given[i])
          .as("%s at %d", what, i)
          .isCloseTo(wanted[i], org.assertj.core.data.Offset.offset(TOLERANCE * largest));
    }
  }

  private Pass pass(
      Model model, MethodHooks method, Tape tape, Batch batch, int[] positions, int... labels) {
    try (tape) {
      tape.startTraining(17);
      model.trainable().forEach(parameter -> parameter.var().clearGradient());
      Var logits =
          positions == null ? model.logits(tape, batch) : model.logits(tape, batch, positions);
      List<Tensor> losses = new ArrayList<>();
      losses.add(tape.crossEntropy(logits, tape.ints(() -> labels)));
      losses.addAll(method.regularisers(tape));
      float[] outputs = new float[(int) logits.value().size()];
      tape.backend().read(logits.value(), 0, outputs, 0, outputs.length);
      tape.backward();
      List<Double> numbers = losses.stream().map(tape::number).toList();
      Map<String, float[]> gradients = new LinkedHashMap<>();
      for (Parameter parameter : model.trainable()) {
        if (parameter.var().hasGradient()) {
          gradients.put(parameter.name(), TinyModels.read(backend, parameter.var().gradient()));
        }
      }
      return new Pass(outputs, numbers, gradients);
    }
  }
}
