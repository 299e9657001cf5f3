package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Addition;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.MergedModel;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.model.TrainedTensors;
import org.peftsweep.model.Weights;
import org.peftsweep.optim.Updates;

/** Every method over a base whose matrices are stored as bf16, or quantised. */
class FrozenStorageTest {
  private static final int STEPS = 3;

  @TempDir Path folder;
  private Backend backend;
  private Tape tape;

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

  /** Methods do not know of the storage: of int8 one family tells, of the decoders' NF4 LoRA's. */
  static Stream<Arguments> everyMethod() {
    return Stream.of(ElementType.BF16, ElementType.I8, ElementType.NF4)
        .flatMap(
            type ->
                MethodContractTest.methodsOnFamilies()
                    .map(Arguments::get)
                    .filter(
                        of ->
                            type == ElementType.BF16
                                || of[1] == TinyModels.ROBERTA
                                || of[0] instanceof LoRA)
                    .map(of -> Arguments.of(of[0], of[1], type)));
  }

  @ParameterizedTest(name = "{0} on {1} in {2}")
  @MethodSource("everyMethod")
  void trainsAsOverItsValuesAndLeavesThemAsTheyAre(
      Method method, Architecture family, ElementType type) {
    try (Model stored = TinyModels.model(family, backend, type);
        Model wide = TinyModels.model(family, backend)) {
      round(wide, stored);
      Map<String, float[]> before = values(stored);
      assertThat(losses(method, stored))
          .usingElementComparator((a, b) -> Math.abs(a - b) <= 1e-4 * b ? 0 : 1)
          .containsExactlyElementsOf(losses(method, wide));
      for (Parameter parameter : stored.parameters()) {
        assertThat(parameter.asWeight().type())
            .as("%s", parameter)
            .isEqualTo(
                parameter.isTrainable() ? ElementType.F32 : storage(stored, parameter, type));
        if (!parameter.isTrainable()) {
          assertThat(TrainedTensors.floats(parameter, backend))
              .as("frozen %s", parameter)
              .isEqualTo(before.get(parameter.name()));
        }
      }
    }
  }

  /** Projections of layers alone are quantised. */
  private static ElementType storage(Model model, Parameter parameter, ElementType type) {
    boolean isProjection =
        model.projections().stream()
            .anyMatch(linear -> linear.weight() == parameter && linear.role() != Role.POOLER);
    return isProjection ? type : Weights.storage(type, parameter.shape());
  }

  @ParameterizedTest(name = "{0} on {1} in {2}")
  @MethodSource("everyMethod")
  void isMergedIntoAPlainModelWithTheSameOutput(
      Method method, Architecture family, ElementType type) {
    try (Model adapted = TinyModels.model(family, backend, type)) {
      losses(method, adapted);
      if (!adapted.additions().stream().allMatch(Addition::isMergeable)) {
        assertThatThrownBy(
                () -> MergedModel.write(folder, TinyModels.config(family), adapted, backend))
            .hasMessageContaining("Cannot fold what was trained into the base's weights");
        return;
      }
      MergedModel.write(folder, TinyModels.config(family), adapted, backend);
      try (Checkpoint checkpoint = Checkpoint.open(folder);
          Model plain =
              Models.build(
                  checkpoint.config(),
                  TinyModels.OUTPUTS,
                  backend,
                  new CheckpointWeights(checkpoint).forTrial(backend, new Seeds(9)))) {
        assertThat(logits(plain)).containsExactly(logits(adapted), within(2e-4f));
      }
    }
  }

  static Stream<Arguments> architectures() {
    return Architectures.all().stream()
        .flatMap(
            family ->
                Stream.of(ElementType.BF16, ElementType.I8, ElementType.NF4)
                    .map(type -> Arguments.of(family, type)));
  }

  @ParameterizedTest(name = "{0} in {1}")
  @MethodSource("architectures")
  void aCheckpointIsReadInItsPartOfTheMemory(Architecture family, ElementType type) {
    try (Model source = TinyModels.model(family, backend)) {
      MergedModel.write(folder, TinyModels.config(family), source, backend);
    }
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      Weights weights = new CheckpointWeights(checkpoint, type).forTrial(backend, new Seeds(9));
      try (Model stored = Models.build(checkpoint.config(), TinyModels.OUTPUTS, backend, weights);
          Model wide = TinyModels.model(family, backend)) {
        round(wide, stored);
        assertThat(logits(stored)).containsExactly(logits(wide), within(1e-5f));
        for (Parameter parameter : stored.parameters()) {
          if (parameter.role() != Role.HEAD) {
            ElementType own = storage(stored, parameter, type);
            int[] shape = parameter.shape();
            assertThat(parameter.asWeight().bytes())
                .as("%s", parameter)
                .isEqualTo(
                    own.isQuantised()
                        ? 4 * QuantisedMatrix.floats(own, shape[0], shape[1])
                        : own.bytes(parameter.size()));
          }
        }
      }
    }
  }

  @Test
  void whatLearnsOfADrawnBaseIsHeldOnce() {
    try (Model model = TinyModels.model(TinyModels.ROBERTA, backend, ElementType.BF16)) {
      Parameter weight = model.projections().get(0).weight();
      assertThat(weight.ownBytes()).isEqualTo(2 * weight.size());
      float[] values = TrainedTensors.floats(weight, backend);
      weight.train(backend);
      assertThat(weight.ownBytes()).isEqualTo(8 * weight.size());
      assertThat(TrainedTensors.floats(weight, backend)).isEqualTo(values);
      weight.keepOrigin(backend);
      backend.fill(weight.value(), 1);
      float[] origin = new float[values.length];
      weight.origin().read(backend, 0, origin, 0, origin.length);
      assertThat(origin).isEqualTo(values);
    }
    assertThat(backend.allocations().heldBytes()).isEqualTo(tape.arena().bytes());
  }

  /** Gives a model the values that another has of its tensors. */
  private void round(Model model, Model stored) {
    for (int i = 0; i < model.parameters().size(); i++) {
      float[] values = TrainedTensors.floats(stored.parameters().get(i), backend);
      backend.write(values, 0, model.parameters().get(i).value(), 0, values.length);
    }
  }

  private Map<String, float[]> values(Model model) {
    Map<String, float[]> values = new HashMap<>();
    model
        .parameters()
        .forEach(
            parameter -> values.put(parameter.name(), TrainedTensors.floats(parameter, backend)));
    return values;
  }

  /** Attaches the method, trains and returns a loss before each step and one after the last. */
  private List<Double> losses(Method method, Model model) {
    Set<Role> targets =
        method.usesTargets()
            ? EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN)
            : EnumSet.noneOf(Role.class);
    InitCache prepared = InitCache.alone(List.of(TinyModels.batch(20), TinyModels.batch(21)));
    MethodHooks hooks =
        method.attach(new AttachContext(model, targets, backend, new Seeds(1), prepared));
    List<Double> losses = new ArrayList<>();
    try (Updates updates = TrainingSteps.updates(model, hooks, backend)) {
      for (int step = 0; step < STEPS; step++) {
        losses.add(TrainingSteps.evaluate(model, tape, TinyModels.batch(3)));
        TrainingSteps.take(model, hooks, updates, tape, step, STEPS);
      }
    }
    losses.add(TrainingSteps.evaluate(model, tape, TinyModels.batch(3)));
    return losses;
  }

  private float[] logits(Model model) {
    tape.startEvaluation();
    Tensor logits = model.logits(tape, TinyModels.batch(1)).value();
    float[] values = new float[Math.toIntExact(logits.size())];
    backend.read(logits, 0, values, 0, values.length);
    return values;
  }
}
