package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Family;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Rates;

/** What every method promises, over the registry: a method without a sample here fails by name. */
class MethodContractTest {
  private static final Set<Role> TARGETS = EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP);

  private static final Map<String, Method> SAMPLES =
      new TreeMap<>(
          Map.of(
              "dora", new DoRA(3, 6, 0),
              "full", new Full(),
              "head-only", new HeadOnly(),
              "lora", new LoRA(3, 6, 0),
              "untrained", new Untrained()));

  private Backend backend;
  private Tape tape;

  static Stream<Arguments> methodsOnFamilies() {
    return Stream.of(Family.values())
        .flatMap(family -> SAMPLES.values().stream().map(method -> Arguments.of(method, family)));
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
    assertThat(SAMPLES.keySet()).isEqualTo(Methods.all().keySet());
    SAMPLES.forEach((id, method) -> assertThat(Methods.id(method.getClass())).isEqualTo(id));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void startsEqualToTheFrozenModel(Method method, Family family) {
    try (Model plain = TinyModels.model(family, backend);
        Model adapted = attached(method, family)) {
      assertThat(logits(adapted)).containsExactly(logits(plain), within(1e-5f));
    }
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void changesWhatItDeclaresAndNothingElse(Method method, Family family) {
    try (Model model = attached(method, family)) {
      Map<Parameter, float[]> before = new java.util.IdentityHashMap<>();
      all(model).forEach(parameter -> before.put(parameter, floats(parameter.value())));
      perturb(model);
      Map<Parameter, float[]> start = new java.util.IdentityHashMap<>();
      model.trainable().forEach(parameter -> start.put(parameter, floats(parameter.value())));
      train(model, 3);
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
      assertThat(learningOutsideTheHead(model)).isEqualTo(declared(method, model));
    }
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void gradientsMatchFiniteDifferences(Method method, Family family) {
    try (Model model = attached(method, family)) {
      perturb(model);
      Batch batch = TinyModels.batch(3);
      backward(model, batch);
      SplittableRandom random = new SplittableRandom(11);
      for (Parameter parameter : model.trainable()) {
        float[] gradient = floats(parameter.var().gradient());
        if (!detachedNorm(method, parameter)) {
          checkDirection(model, batch, parameter, gradient, random);
        }
      }
    }
  }

  /** DoRA holds its norm constant on the way back, so A and B differ from the true derivative. */
  private static boolean detachedNorm(Method method, Parameter parameter) {
    return method instanceof DoRA
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
    return tape.crossEntropy(model.logits(tape, batch), TinyModels.classes(batch));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void mergedEqualsAdapted(Method method, Family family) {
    try (Model adapted = attached(method, family);
        Model merged = TinyModels.model(family, backend)) {
      perturb(adapted);
      copyHead(adapted, merged);
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

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void theSameSeedGivesTheSameBits(Method method, Family family) {
    try (Model first = attached(method, family);
        Model second = attached(method, family)) {
      train(first, 3);
      train(second, 3);
      for (int i = 0; i < first.trainable().size(); i++) {
        assertThat(floats(first.trainable().get(i).value()))
            .isEqualTo(floats(second.trainable().get(i).value()));
      }
    }
  }

  private Model attached(Method method, Family family) {
    Model model = TinyModels.model(family, backend);
    method.attach(new Attachment(model, targets(method), backend, new Seeds(1)));
    return model;
  }

  private static Set<Role> targets(Method method) {
    return method.usesTargets() ? TARGETS : EnumSet.noneOf(Role.class);
  }

  /** A key's bias adds the same to all scores of a query, so its gradient is rounding noise. */
  private static boolean isKeyBias(Parameter parameter) {
    return parameter.role() == Role.KEY && parameter.name().endsWith("bias");
  }

  private static long learningOutsideTheHead(Model model) {
    return model.trainable().stream()
        .filter(parameter -> parameter.role() != Role.HEAD)
        .mapToLong(Parameter::size)
        .sum();
  }

  private static long declared(Method method, Model model) {
    return model.projections().stream()
        .filter(linear -> targets(method).contains(linear.role()))
        .mapToLong(linear -> method.trainable(linear.out(), linear.in(), linear.bias() != null))
        .sum();
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

  private void copyHead(Model from, Model to) {
    for (int i = 0; i < from.parameters().size(); i++) {
      if (from.parameters().get(i).role() == Role.HEAD) {
        backend.copy(from.parameters().get(i).value(), to.parameters().get(i).value());
      }
    }
  }

  private void train(Model model, int steps) {
    Rates rates = new Rates(1e-2, 2, 1e-2, Rates.Grouping.ROLES);
    try (Optimizer optimizer =
        new AdamW(backend, model.trainable(), rates, new AdamW.Settings(0.9, 0.99, 1e-8, 0.01))) {
      for (int step = 0; step < steps; step++) {
        backward(model, TinyModels.batch(step));
        optimizer.step(1);
      }
    }
  }

  private void backward(Model model, Batch batch) {
    tape.startTraining(0);
    model.trainable().forEach(parameter -> parameter.var().clearGradient());
    tape.crossEntropy(model.logits(tape, batch), TinyModels.classes(batch));
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
    List<Parameter> all = new ArrayList<>(model.parameters());
    for (Linear linear : model.projections()) {
      if (linear.adapter() != null) {
        all.addAll(linear.adapter().parameters());
      }
    }
    return all;
  }
}
