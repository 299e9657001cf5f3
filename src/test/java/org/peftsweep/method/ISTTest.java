package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.GaLoreAdam;
import org.peftsweep.optim.Updates;

/** Over tiny models of 8 layers, of which 2 learn in a step. */
class ISTTest {
  private static final int LAYERS = 8;
  private static final Set<Role> TARGETS = EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP);

  private Backend backend;
  private Tape tape;

  static Stream<Method> perLayerMethods() {
    return Stream.of(
        new LoRA(3, 6, 0),
        new DoRA(3, 6, 0),
        new AdaLoRA(2, 6, 0, 2, 0.1, 0.3, 1, 0.5, 0.85),
        new Full(),
        new GaLore(3, 2, 0.5, GaLoreAdam.Side.STD),
        new SIFT(0.1));
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

  private Model model() {
    return TinyModels.model(TinyModels.ROBERTA, LAYERS, backend);
  }

  private MethodHooks attach(Method method, Model model) {
    return method.attach(new AttachContext(model, TARGETS, backend, new Seeds(1)));
  }

  private static IST over(Method method, double updateFraction) {
    return new IST(method, updateFraction, 0.5, 0.25, 3, 10, 2, 4);
  }

  @ParameterizedTest
  @MethodSource("perLayerMethods")
  void onlyTheChosenLayersAndTheHeadMove(Method method) {
    try (Model model = model()) {
      MethodHooks attached = attach(over(method, 0.25), model);
      try (Updates updates = TrainingSteps.updates(model, attached, backend)) {
        Set<Integer> everMoved = new TreeSet<>();
        for (int step = 0; step < 30; step++) {
          List<float[]> before = values(model);
          TrainingSteps.take(model, attached, updates, tape, step, 30);
          Set<Integer> awake =
              model.trainable().stream()
                  .filter(parameter -> !parameter.isResting())
                  .map(Parameter::layer)
                  .collect(Collectors.toCollection(TreeSet::new));
          assertThat(awake).hasSize(3).contains(-1);
          Set<Integer> moved = moved(model, before);
          if (!(method instanceof AdaLoRA)) {
            // Its allocation zeroes entries of resting matrices too.
            assertThat(moved).isSubsetOf(awake);
          }
          everMoved.addAll(moved);
        }
        assertThat(everMoved).hasSize(LAYERS + 1);
      }
    }
  }

  @Test
  void restingLayersHoldNeitherGradientsNorState() {
    try (Model plain = model();
        Model sparse = model()) {
      long[] full = bytes(attach(new Full(), plain), plain);
      long[] chosen = bytes(attach(over(new Full(), 0.25), sparse), sparse);
      // Weights of 8 layers; gradients and Adam's moments of 2 instead of 8.
      long layer = Float.BYTES * (24 * 24 + 24 + 24 * 24 + 24 + 40 * 24 + 40);
      assertThat(full[0] - chosen[0]).isEqualTo(2 * (LAYERS - 2) * layer);
      // The random base has no frozen weights elsewhere: their start is kept for the probes.
      assertThat(full[1] - chosen[1]).isEqualTo((LAYERS - 2) * layer - LAYERS * layer);
    }
  }

  private long[] bytes(MethodHooks method, Model model) {
    long state = 0;
    long own = 0;
    try (Updates updates = TrainingSteps.updates(model, method, backend)) {
      for (int step = 0; step < 6; step++) {
        TrainingSteps.take(model, method, updates, tape, step, 6);
        state = Math.max(state, updates.stateBytes());
        own = Math.max(own, model.allParameters().stream().mapToLong(Parameter::ownBytes).sum());
      }
    }
    return new long[] {state, own};
  }

  static Stream<Method> methodsWithInputsToKeep() {
    return Stream.of(
        new Full(), new LoRA(3, 6, 0.1), new AdaLoRA(2, 6, 0.1, 2, 0, 0, 1, 0.5, 0.85));
  }

  @ParameterizedTest
  @MethodSource("methodsWithInputsToKeep")
  void keepsFewerActivationsThanTheMethodAlone(Method method) {
    assertThat(activationBytes(over(method, 0.25))).isLessThan(activationBytes(method) * 9 / 10);
  }

  private long activationBytes(Method method) {
    try (Model model = model();
        Tape own = new Tape(backend)) {
      MethodHooks attached = attach(method, model);
      try (Updates updates = TrainingSteps.updates(model, attached, backend)) {
        TrainingSteps.take(model, attached, updates, own, 6);
      }
      return own.arena().peakBytes();
    }
  }

  @ParameterizedTest
  @MethodSource("perLayerMethods")
  void withEveryLayerChosenItIsTheMethodItself(Method method) {
    try (Model plain = model();
        Model all = model()) {
      MethodHooks alone = attach(method, plain);
      MethodHooks plugged = attach(over(method, 1), all);
      try (Updates first = TrainingSteps.updates(plain, alone, backend);
          Updates second = TrainingSteps.updates(all, plugged, backend)) {
        TrainingSteps.take(plain, alone, first, tape, 5);
        TrainingSteps.take(all, plugged, second, tape, 5);
      }
      for (int i = 0; i < plain.trainable().size(); i++) {
        assertThat(floats(all.trainable().get(i))).isEqualTo(floats(plain.trainable().get(i)));
      }
    }
  }

  @Test
  void aSuppressedLoRAIsOneOfAQuarterOfItsScale() {
    try (Model suppressed = model();
        Model scaled = model()) {
      attach(new LoRA(3, 6, 0), suppressed);
      attach(new LoRA(3, 1.5, 0), scaled);
      for (Model model : List.of(suppressed, scaled)) {
        for (Parameter parameter : model.trainable()) {
          if (parameter.name().endsWith("lora_B.weight")) {
            backend.fill(parameter.value(), 0.1f);
          }
        }
      }
      double full = loss(suppressed);
      suppressed.projections().stream()
          .filter(linear -> TARGETS.contains(linear.role()))
          .forEach(linear -> linear.respond(0.25f));
      assertThat(loss(suppressed)).isCloseTo(loss(scaled), within(1e-5)).isNotEqualTo(full);
    }
  }

  @ParameterizedTest
  @MethodSource("perLayerMethods")
  void whollySuppressedIsTheModelBeforeTraining(Method method) {
    try (Model before = model();
        Model trained = model()) {
      MethodHooks attached = attach(over(method, 1), trained);
      try (Updates updates = TrainingSteps.updates(trained, attached, backend)) {
        TrainingSteps.take(trained, attached, updates, tape, 5);
      }
      for (int i = 0; i < before.parameters().size(); i++) {
        if (before.parameters().get(i).role() == Role.HEAD) {
          backend.copy(trained.parameters().get(i).value(), before.parameters().get(i).value());
        }
      }
      assertThat(loss(trained)).isNotCloseTo(loss(before), within(1e-4));
      for (Linear linear : trained.projections()) {
        if (TARGETS.contains(linear.role())) {
          linear.respond(0);
        }
      }
      assertThat(loss(trained)).isCloseTo(loss(before), within(1e-5));
    }
  }

  @Test
  void notesScoresAndHowOftenEachLayerLearned() {
    try (Model model = model()) {
      MethodHooks method = attach(over(new LoRA(3, 6, 0), 0.25), model);
      try (Updates updates = TrainingSteps.updates(model, method, backend)) {
        TrainingSteps.take(model, method, updates, tape, 9);
      }
      List<MethodHooks.LayerScore> rows = method.layerScores(9);
      assertThat(rows.stream().map(MethodHooks.LayerScore::step).distinct())
          .containsExactly(0, 2, 4, 6, 8, 9);
      assertThat(rows).hasSize(6 * LAYERS);
      assertThat(rows.stream().mapToInt(MethodHooks.LayerScore::selected).sum()).isEqualTo(2 * 9);
      assertThat(rows.stream().filter(row -> row.step() == 0))
          .allMatch(row -> row.score() == 0 && row.selected() == 0);
      assertThat(rows.stream().filter(row -> row.step() == 8)).anyMatch(row -> row.score() != 0);
    }
  }

  @Test
  void refusesMethodsWithoutLayersToChoose() {
    assertThatThrownBy(() -> over(new HeadOnly(), 0.25))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "Cannot use plug-in = ist: choose none with method head-only, what it adds or"
                + " trains does not lie in layers, each its own");
    assertThatThrownBy(() -> over(over(new Full(), 1), 1)).hasMessageContaining("full+ist");
  }

  private double loss(Model model) {
    return TrainingSteps.evaluate(model, tape, TinyModels.batch(77));
  }

  private Set<Integer> moved(Model model, List<float[]> before) {
    Set<Integer> moved = new TreeSet<>();
    for (int i = 0; i < before.size(); i++) {
      Parameter parameter = model.trainable().get(i);
      if (!java.util.Arrays.equals(floats(parameter), before.get(i))) {
        moved.add(parameter.layer());
      }
    }
    return moved;
  }

  private List<float[]> values(Model model) {
    List<float[]> values = new ArrayList<>();
    model.trainable().forEach(parameter -> values.add(floats(parameter)));
    return values;
  }

  private float[] floats(Parameter parameter) {
    float[] values = new float[Math.toIntExact(parameter.size())];
    backend.read(parameter.value(), 0, values, 0, values.length);
    return values;
  }
}
