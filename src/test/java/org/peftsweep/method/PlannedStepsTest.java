package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Plan;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Packed;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.Updates;

/** Steps that a plan runs give the numbers of steps whose tape is built anew, bit for bit. */
class PlannedStepsTest {
  private static final Set<Role> TARGETS =
      EnumSet.of(Role.QUERY, Role.VALUE, Role.FFN_UP, Role.FFN_DOWN);

  private static final int STEPS = 9;

  /** What a run leaves, and how many of its steps were planned. */
  private record Run(List<Double> losses, List<float[]> parameters, int planned) {}

  private static final int EPOCH = 3;

  static Stream<Arguments> methodsOnFamilies() {
    Stream<Arguments> ofEpochs =
        MethodContractTest.FAMILIES.stream()
            .map(family -> Arguments.of(new HFT(2, 0, HFT.Resample.EPOCH), family));
    return Stream.concat(MethodContractTest.methodsOnFamilies(), ofEpochs);
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsOnFamilies")
  void plannedIsAsBuilt(Method method, Architecture architecture) {
    Run built = run(method, architecture, false);
    Run planned = run(method, architecture, true);
    assertThat(planned.losses).isEqualTo(built.losses);
    assertThat(planned.parameters).hasSameSizeAs(built.parameters);
    for (int i = 0; i < planned.parameters.size(); i++) {
      assertThat(planned.parameters.get(i)).isEqualTo(built.parameters.get(i));
    }
    boolean layersTakeTurns = method instanceof IST;
    assertThat(planned.planned).isGreaterThan(layersTakeTurns ? -1 : STEPS / 2);
  }

  private static Run run(Method method, Architecture architecture, boolean plans) {
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.model(architecture, backend)) {
      InitCache cache = InitCache.alone(List.of(TinyModels.batch(1), TinyModels.batch(2)));
      Set<Role> targets = method.usesTargets() ? TARGETS : Set.of();
      MethodHooks hooks =
          Methods.attach(method, new AttachContext(model, targets, backend, new Seeds(3), cache));
      List<Double> losses = new ArrayList<>();
      int planned = 0;
      Plan plan = null;
      Packed packed = null;
      List<Tensor> parts = new ArrayList<>();
      Batch[] now = new Batch[1];
      try (Updates updates = TrainingSteps.updates(model, hooks, backend)) {
        for (int step = 0; step < STEPS; step++) {
          if (step % EPOCH == 0) {
            hooks.beforeEpoch(step / EPOCH);
          }
          hooks.beforeStep(step, STEPS, (examples, draw) -> () -> draw);
          updates.rest();
          model.trainable().forEach(parameter -> parameter.var().clearGradient());
          now[0] = TinyModels.batch(step);
          Packed next =
              model.pack(List.of(model), List.of(now[0]), Collections.singletonList(null));
          if (plan != null && plan.isCurrent()) {
            packed.replace(next);
            plan.run(step);
            planned++;
          } else {
            packed = next;
            if (plans) {
              tape.startPlanning(model.trainable().stream().map(Parameter::var).toList(), step);
            } else {
              tape.startTraining(step);
            }
            parts.clear();
            var logits = model.logits(tape, List.of(model), packed).get(0);
            parts.add(tape.crossEntropy(logits, tape.ints(() -> TinyModels.classes(now[0]))));
            parts.addAll(hooks.regularisers(tape));
            tape.backward();
            plan = plans ? tape.plan() : null;
          }
          losses.add(parts.stream().mapToDouble(tape::number).sum());
          updates.receive();
          updates.step(1);
          hooks.afterStep(step, STEPS);
        }
      }
      List<float[]> values =
          model.trainable().stream().map(p -> TinyModels.read(backend, p.value())).toList();
      hooks.close();
      return new Run(losses, values, planned);
    }
  }
}
