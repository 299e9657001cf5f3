package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.Architectures;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.HostKernels;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

/** What a step leaves in the arena, over the registry: dropout leaves nothing of its own. */
class DropoutMemoryTest {
  private static final String DROPOUT = "dropout";

  static Stream<Arguments> methodsWithDropout() {
    return MethodContractTest.SAMPLES.values().stream()
        .filter(method -> hasDropout(method))
        .flatMap(
            method ->
                Architectures.all().stream()
                    .map(architecture -> Arguments.of(method, architecture)));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("methodsWithDropout")
  void theArenaHoldsTheSameAfterBackwardWithAndWithout(Method method, Architecture architecture) {
    long without = held(with(method, 0), architecture);
    assertThat(held(with(method, 0.3), architecture)).isEqualTo(without);
  }

  private static long held(Method method, Architecture architecture) {
    Set<Role> targets =
        method.usesTargets()
            ? EnumSet.range(Role.QUERY, Role.FFN_DOWN)
            : EnumSet.noneOf(Role.class);
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.model(architecture, backend)) {
      InitCache prepared = InitCache.alone(List.of(TinyModels.batch(20), TinyModels.batch(21)));
      method.attach(new AttachContext(model, targets, backend, new Seeds(1), prepared));
      tape.startTraining(3);
      HostKernels.crossEntropy(
          tape, model.logits(tape, TinyModels.batch(1)), TinyModels.classes(TinyModels.batch(1)));
      tape.backward();
      return tape.arena().usedBytes();
    }
  }

  private static boolean hasDropout(Method method) {
    return Arrays.stream(method.getClass().getRecordComponents())
        .anyMatch(
            component ->
                component.getName().equals(DROPOUT)
                    || value(component, method) instanceof Method over && hasDropout(over));
  }

  /** The same method with another dropout, also where it is plugged into another. */
  private static Method with(Method method, double dropout) {
    RecordComponent[] components = method.getClass().getRecordComponents();
    Object[] values =
        Arrays.stream(components)
            .map(
                component -> {
                  Object value = value(component, method);
                  if (component.getName().equals(DROPOUT)) {
                    return dropout;
                  }
                  return value instanceof Method over ? with(over, dropout) : value;
                })
            .toArray();
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    try {
      return method.getClass().getDeclaredConstructor(types).newInstance(values);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  private static Object value(RecordComponent component, Method method) {
    try {
      return component.getAccessor().invoke(method);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }
}
