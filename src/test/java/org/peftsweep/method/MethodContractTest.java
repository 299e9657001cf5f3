package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.checkpoint.SafeTensors;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.GradientStart;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Addition;
import org.peftsweep.model.Linear;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.Norm;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.Roles;
import org.peftsweep.model.TinyModels;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.optim.GaLoreAdam;
import org.peftsweep.optim.Updates;

/** What every method promises, over the registry: a method without a sample here fails by name. */
class MethodContractTest {
  private static final Set<Role> TARGETS =
      EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);

  /** One of each method, by id; VB-LoRA's choice of vectors would jump between differences. */
  static final Map<String, Method> SAMPLES =
      new TreeMap<>(
          Map.ofEntries(
              sample(new AdaLoRA(2, 6, 0, 2, 0.1, 0.3, 1, 0.5, 0.85)),
              sample(new Bitfit()),
              sample(new BOFT(4, 2)),
              sample(new Bone(4)),
              sample(new C3A(4, true)),
              sample(new Compacter(2, 4, false)),
              sample(new CompacterPlus(2, 4, false)),
              sample(new CorDA(3, 6, 0, CorDA.Subspace.KNOWLEDGE, 2)),
              sample(new FourierFT(11, 30, 0)),
              sample(new HiRA(3)),
              sample(new Houlsby(4, true, true)),
              sample(new HRA(4)),
              sample(new LoHa(3, 6)),
              sample(new LoKr(2, 6, 0)),
              sample(new MAM(3, 5, 0.3, 4, 2)),
              sample(new MiSS(3)),
              sample(new MoSA(4, 2)),
              sample(new MoSLoRA(3, 6, 0)),
              sample(new OFT(4)),
              sample(new ParallelAdapter(4, 2)),
              sample(new Pfeiffer(4, false, true)),
              sample(new PrefixTuning(3, 0, 0.3)),
              sample(new PromptTuning(2, true, 1)),
              sample(new RandLoRA(5, 6, 0)),
              sample(new ROAST(37, 0)),
              sample(new RAMT(0.5, 0.2, 1e-3)),
              sample(new SAID(60, 0)),
              sample(new SaRA(0.2, 1e-2, 2)),
              sample(new TinyLoRA(3, 5, 2, 0)),
              sample(new VBLoRA(3, 3, 4, 3, 10, 0)),
              sample(new CoLoRA(3, 6, 0, 1, 0.01, 2)),
              sample(new SpIELMA(0.1, 2, 0.2, SpIEL.Policy.COSINE)),
              sample(new SHiRA(2)),
              sample(new SigmaReparam()),
              sample(new SSF(0.02)),
              sample(new APET(0.3, APET.Granularity.ELEMENT, 0)),
              sample(new HFT(2, 0, HFT.Resample.NEVER)),
              sample(new SpIEL(0.1, 6, 3, 0.2, SpIEL.Policy.LINEAR)),
              sample(new DoRA(3, 6, 0)),
              sample(new EPT(2, 3, 4, 3, 5, 2)),
              sample(new EVA(3, 6, 0, 1, 0.9, 20)),
              sample(new Full()),
              sample(new GaLore(3, 2, 0.5, GaLoreAdam.Side.STD)),
              sample(new HeadOnly()),
              sample(new DRTune(new LoRA(3, 6, 0), 25, 2)),
              sample(new EMA(new LoRA(3, 6, 0), 0.9, true)),
              sample(new IST(new LoRA(3, 6, 0), 1, 0.5, 0.25, 3, 10, 2, 4)),
              sample(new IA3(Roles.of(Role.FFN_DOWN))),
              sample(new LnTuning()),
              sample(new LoRA(3, 6, 0)),
              sample(new LoRAFA(3, 6, 0, true)),
              sample(
                  new LoRAGA(
                      3, 6, 0, GradientStart.Direction.A_FIRST, GradientStart.Scale.STABLE, 16, 2)),
              sample(new LoRAPlus(3, 6, 0, 4)),
              sample(new LoRAXS(3, 6, 0)),
              sample(new OLoRA(3, 6, 0)),
              sample(new PiSSA(3, 6, 0, PiSSA.Search.EXACT, 0, 0)),
              sample(new RSLoRA(3, 6, 0)),
              sample(new SIFT(0.1)),
              sample(new Untrained()),
              sample(new VeRA(5, 0.1, 0, 0))));

  private static Map.Entry<String, Method> sample(Method method) {
    return Map.entry(Methods.id(method), method);
  }

  @TempDir Path folder;
  private Backend backend;
  private Tape tape;

  /** Others are these but for what is below their layers, in their norms, and in the head. */
  static final List<Architecture> FAMILIES =
      List.of(TinyModels.ROBERTA, TinyModels.BERT, TinyModels.LLAMA);

  static Stream<Arguments> methodsOnFamilies() {
    return on(FAMILIES);
  }

  static Stream<Arguments> methodsOnAll() {
    return on(Architectures.all());
  }

  private static Stream<Arguments> on(List<Architecture> architectures) {
    return architectures.stream()
        .flatMap(
            architecture ->
                SAMPLES.values().stream()
                    .filter(method -> fits(method, architecture))
                    .map(method -> Arguments.of(method, architecture)));
  }

  /** BitFit needs biases. */
  static boolean fits(Method method, Architecture architecture) {
    return !(method instanceof Bitfit) || TinyModels.config(architecture).attentionBias();
  }

  @BeforeEach
  void open() {
    backend = Backends.open("cpu", 1);
    tape = new Tape(backend);
  }

  @AfterEach
  void close() {
    tape.close();
    backend.close();
  }

  @Test
  void everyMethodHasASample() {
    assertThat(SAMPLES.keySet()).containsAll(Methods.all().keySet());
    assertThat(SAMPLES.keySet().stream().map(id -> id.replaceAll(".*\\+", "")))
        .containsAll(Methods.plugIns().keySet());
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void startsEqualToTheFrozenModel(Method method, Architecture architecture) {
    try (Model plain = TinyModels.model(architecture, backend);
        Model adapted = attached(method, architecture).model()) {
      if (method.startsAtBase()) {
        assertThat(logits(adapted)).containsExactly(logits(plain), within(1e-5f));
      } else {
        assertThat(logits(adapted)).isNotEqualTo(logits(plain)).doesNotContain(Float.NaN);
      }
    }
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void worksOnEverySetOfMatrices(Method method, Architecture architecture) {
    for (Set<Role> roles : sets(method)) {
      try (Model plain = TinyModels.model(architecture, backend);
          Model adapted = TinyModels.model(architecture, backend)) {
        Setup setup = new Setup(adapted, attach(method, adapted, roles, 1));
        if (method.startsAtBase()) {
          assertThat(logits(adapted)).containsExactly(logits(plain), within(1e-5f));
        }
        assertThat(learningOutsideTheHead(setup)).isEqualTo(method.trainable(plain, roles));
        train(setup, 1);
      }
    }
  }

  private static List<Set<Role>> sets(Method method) {
    if (!method.usesTargets()) {
      return List.of(Set.of());
    }
    return List.of(
        EnumSet.of(Role.QUERY),
        EnumSet.of(Role.KEY),
        EnumSet.of(Role.VALUE),
        EnumSet.of(Role.OUTPUT),
        EnumSet.of(Role.FFN_UP),
        EnumSet.of(Role.FFN_DOWN),
        EnumSet.range(Role.QUERY, Role.FFN_DOWN));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnAll")
  void changesWhatItDeclaresAndNothingElse(Method method, Architecture architecture) {
    Setup setup = attached(method, architecture);
    try (Model model = setup.model()) {
      Map<Parameter, float[]> before = new java.util.IdentityHashMap<>();
      all(model).forEach(parameter -> before.put(parameter, floats(parameter.value())));
      perturb(model);
      Map<Parameter, float[]> start = new java.util.IdentityHashMap<>();
      model.trainable().forEach(parameter -> start.put(parameter, floats(parameter.value())));
      train(setup, 3);
      for (Parameter parameter : all(model)) {
        if (parameter.isTrainable() && !isKeyBias(parameter)) {
          assertThat(floats(parameter.value()))
              .as("trained %s", parameter)
              .isNotEqualTo(start.get(parameter));
        } else if (!parameter.isTrainable()) {
          assertThat(floats(parameter.value()))
              .as("frozen %s", parameter)
              .isEqualTo(before.get(parameter));
        }
      }
      assertThat(learningOutsideTheHead(setup)).isEqualTo(declared(method, model));
    }
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void gradientsMatchFiniteDifferences(Method method, Architecture architecture) {
    try (Model model = attached(method, architecture).model()) {
      perturb(model);
      Batch batch = TinyModels.batch(3);
      backward(model, batch);
      SplittableRandom random = new SplittableRandom(11);
      for (Parameter parameter : model.trainable()) {
        float[] gradient = floats(parameter.var().gradient());
        if (!hasOtherDerivative(method, parameter)) {
          checkDirection(model, batch, parameter, gradient, random);
        }
      }
    }
  }

  /**
   * DoRA holds its norm constant on the way back, so A and B differ from the true derivative; that
   * of a mask's scores is 0.
   */
  private static boolean hasOtherDerivative(Method method, Parameter parameter) {
    return parameter.name().endsWith("ramt_scores")
        || method instanceof DoRA
            && parameter.name().contains("lora_")
            && !parameter.name().contains("magnitude");
  }

  private void checkDirection(
      Model model, Batch batch, Parameter parameter, float[] gradient, SplittableRandom random) {
    float[] start = floats(parameter.value());
    float[] direction = new float[start.length];
    double wanted = 0;
    double norm = 0;
    for (int i = 0; i < direction.length; i++) {
      direction[i] = random.nextBoolean() ? 1 : -1;
      wanted += direction[i] * gradient[i];
      norm += gradient[i] * gradient[i];
    }
    double step = 2e-3 / Math.sqrt(direction.length);
    double up = lossAt(model, batch, parameter, start, direction, step);
    double down = lossAt(model, batch, parameter, start, direction, -step);
    backend.write(start, 0, parameter.value(), 0, start.length);
    assertThat((up - down) / (2 * step))
        .as("directional derivative of %s", parameter)
        .isCloseTo(wanted, within(2e-2 * Math.sqrt(norm * direction.length) + 5e-3));
  }

  private double lossAt(
      Model model,
      Batch batch,
      Parameter parameter,
      float[] start,
      float[] direction,
      double step) {
    float[] moved = new float[start.length];
    for (int i = 0; i < moved.length; i++) {
      moved[i] = (float) (start[i] + step * direction[i]);
    }
    backend.write(moved, 0, parameter.value(), 0, moved.length);
    tape.startEvaluation();
    return HostKernels.crossEntropy(tape, model.logits(tape, batch), TinyModels.classes(batch));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void mergedEqualsAdapted(Method method, Architecture architecture) {
    try (Model adapted = attached(method, architecture).model();
        Model merged = TinyModels.model(architecture, backend)) {
      perturb(adapted);
      copyLearnt(adapted, merged);
      if (!adapted.additions().stream().allMatch(Addition::isMergeable)) {
        assertThatThrownBy(() -> MergedModel.requireMergeable(adapted))
            .hasMessageStartingWith("Cannot fold ");
        return;
      }
      for (int i = 0; i < adapted.norms().size(); i++) {
        Norm from = adapted.norms().get(i);
        if (from.adapter() != null) {
          Norm to = merged.norms().get(i);
          from.adapter().merge(backend, to.gain().value(), to.shift().value());
        }
      }
      for (int i = 0; i < adapted.projections().size(); i++) {
        Linear from = adapted.projections().get(i);
        Linear to = merged.projections().get(i);
        backend.copy(from.weight().value(), to.weight().value());
        if (from.bias() != null) {
          backend.copy(from.bias().value(), to.bias().value());
        }
        if (from.adapter() != null) {
          from.adapter()
              .merge(
                  backend, from, to.weight().value(), to.bias() == null ? null : to.bias().value());
        }
      }
      assertThat(logits(merged)).containsExactly(logits(adapted), within(1e-4f));
    }
  }

  static Stream<Method> methodsWithTargets() {
    return SAMPLES.values().stream().filter(Method::usesTargets);
  }

  @ParameterizedTest
  @MethodSource("methodsWithTargets")
  void whatLiesInALayerMovesThatLayerAlone(Method method) {
    try (Model model = attached(method, TinyModels.ROBERTA).model()) {
      perturb(model);
      List<float[]> before = merged(model);
      boolean isApart = true;
      for (Parameter parameter : model.trainable()) {
        if (parameter.role() != Role.HEAD) {
          float[] start = floats(parameter.value());
          backend.scale(1.5f, parameter.value(), parameter.value());
          List<float[]> after = merged(model);
          backend.write(start, 0, parameter.value(), 0, start.length);
          isApart &= parameter.layer() >= 0;
          for (int i = 0; i < after.size(); i++) {
            if (!Arrays.equals(after.get(i), before.get(i))) {
              isApart &= model.projections().get(i).layer() == parameter.layer();
            }
          }
        }
      }
      assertThat(method.adaptsLayers()).isEqualTo(isApart);
    }
  }

  private List<float[]> merged(Model model) {
    List<float[]> merged = new ArrayList<>();
    for (Linear linear : model.projections()) {
      Tensor weight =
          new Tensor(backend.allocate(linear.weight().size()), 0, linear.weight().shape());
      backend.copy(linear.weight().value(), weight);
      if (linear.adapter() != null) {
        linear.adapter().merge(backend, linear, weight, null);
      }
      merged.add(floats(weight));
      backend.free(weight.memory());
    }
    return merged;
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void restoredEqualsSaved(Method method, Architecture architecture) {
    Path file = folder.resolve("trained.safetensors");
    try (Model saved = attached(method, architecture).model();
        Model restored = attached(method, architecture, 2).model()) {
      perturb(saved);
      SafeTensorsWriter writer = new SafeTensorsWriter();
      TrainedTensors.save(saved, backend, writer);
      writer.write(file);
      try (SafeTensors tensors = SafeTensors.open(file)) {
        long values =
            tensors.tensors().values().stream().mapToLong(info -> info.end() - info.begin()).sum();
        assertThat(values).isEqualTo(TrainedTensors.bytes(saved));
        TrainedTensors.restore(tensors, restored, backend);
      }
      assertThat(logits(restored)).isEqualTo(logits(saved));
    }
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void theSameSeedGivesTheSameBits(Method method, Architecture architecture) {
    Setup one = attached(method, architecture);
    Setup two = attached(method, architecture);
    try (Model first = one.model();
        Model second = two.model()) {
      train(one, 3);
      train(two, 3);
      for (int i = 0; i < first.trainable().size(); i++) {
        assertThat(floats(first.trainable().get(i).value()))
            .isEqualTo(floats(second.trainable().get(i).value()));
      }
    }
  }

  private record Setup(Model model, MethodHooks method) {}

  private Setup attached(Method method, Architecture architecture) {
    return attached(method, architecture, 1);
  }

  private Setup attached(Method method, Architecture architecture, long seed) {
    Model model = TinyModels.model(architecture, backend);
    return new Setup(model, attach(method, model, targets(method), seed));
  }

  private MethodHooks attach(Method method, Model model, Set<Role> targets, long seed) {
    InitCache prepared = InitCache.alone(List.of(TinyModels.batch(20), TinyModels.batch(21)));
    return method.attach(new AttachContext(model, targets, backend, new Seeds(seed), prepared));
  }

  private static Set<Role> targets(Method method) {
    return method.usesTargets() ? TARGETS : EnumSet.noneOf(Role.class);
  }

  /** A key's bias adds the same to all scores of a query, so its gradient is rounding noise. */
  private static boolean isKeyBias(Parameter parameter) {
    return parameter.role() == Role.KEY && parameter.name().endsWith("bias");
  }

  private static long learningOutsideTheHead(Setup setup) {
    return setup.model().trainable().stream()
        .filter(parameter -> parameter.role() != Role.HEAD)
        .mapToLong(setup.method()::learning)
        .sum();
  }

  private static long declared(Method method, Model model) {
    return method.trainable(model, targets(method));
  }

  /** Moves all that learns a little, so that no factor is zero. */
  private void perturb(Model model) {
    SplittableRandom random = new SplittableRandom(5);
    for (Parameter parameter : model.trainable()) {
      float[] values = floats(parameter.value());
      for (int i = 0; i < values.length; i++) {
        values[i] += (float) (0.2 * random.nextGaussian());
      }
      backend.write(values, 0, parameter.value(), 0, values.length);
    }
  }

  private void copyLearnt(Model from, Model to) {
    for (int i = 0; i < from.parameters().size(); i++) {
      if (from.parameters().get(i).isTrainable()) {
        backend.copy(from.parameters().get(i).value(), to.parameters().get(i).value());
      }
    }
  }

  private void train(Setup setup, int steps) {
    try (Updates updates = TrainingSteps.updates(setup.model(), setup.method(), backend)) {
      TrainingSteps.take(setup.model(), setup.method(), updates, tape, steps);
    }
  }

  private void backward(Model model, Batch batch) {
    tape.startTraining(0);
    model.trainable().forEach(parameter -> parameter.var().clearGradient());
    HostKernels.crossEntropy(tape, model.logits(tape, batch), TinyModels.classes(batch));
    tape.backward();
  }

  private float[] logits(Model model) {
    tape.startEvaluation();
    return floats(model.logits(tape, TinyModels.batch(1)).value());
  }

  private float[] floats(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.size())];
    backend.read(tensor, 0, values, 0, values.length);
    return values;
  }

  private static List<Parameter> all(Model model) {
    return model.allParameters();
  }
}
