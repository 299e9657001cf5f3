package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.InitCache;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;
import org.peftsweep.optim.AdamW;
import org.peftsweep.optim.Rates;
import org.peftsweep.optim.Updates;

/** The grouping alone says what decays, whatever update a method chooses. */
class DecayContractTest {
  static Stream<Method> methods() {
    return MethodContractTest.SAMPLES.values().stream().filter(Method::learns);
  }

  @ParameterizedTest
  @MethodSource("methods")
  void nothingDecaysWhereTheGroupingSaysSo(Method method) {
    TreeMap<String, float[]> without = trained(method, Rates.Grouping.PAPER, 0);
    TreeMap<String, float[]> with = trained(method, Rates.Grouping.PAPER, 0.5);
    assertThat(with.keySet()).isEqualTo(without.keySet());
    with.forEach((name, values) -> assertThat(values).as(name).isEqualTo(without.get(name)));
  }

  @ParameterizedTest
  @MethodSource("methods")
  void biasesAndNormsNeverDecay(Method method) {
    TreeMap<String, float[]> without = trained(method, Rates.Grouping.ROLES, 0);
    // In one step decay moves nothing but the tensor that it acts on.
    trained(method, Rates.Grouping.ROLES, 0.5)
        .forEach(
            (name, values) -> {
              if (name.endsWith("bias") || name.matches("(?i).*norm.*")) {
                assertThat(values).as(name).isEqualTo(without.get(name));
              }
            });
  }

  private static TreeMap<String, float[]> trained(
      Method method, Rates.Grouping grouping, double decay) {
    Set<Role> targets =
        method.usesTargets() ? EnumSet.of(Role.QUERY, Role.VALUE) : EnumSet.noneOf(Role.class);
    TreeMap<String, float[]> values = new TreeMap<>();
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.model(TinyModels.ROBERTA, backend)) {
      InitCache prepared = InitCache.alone(List.of(TinyModels.batch(20), TinyModels.batch(21)));
      MethodHooks attached =
          method.attach(new AttachContext(model, targets, backend, new Seeds(1), prepared));
      Rates rates = new Rates(0.1, 2, 0.1, grouping);
      AdamW adam = new AdamW(0.9, 0.99, 1e-8);
      try (Updates updates =
          new Updates(backend, model.trainable(), rates, decay, adam, attached.updates())) {
        TrainingSteps.take(model, attached, updates, tape, 1);
      }
      for (Parameter parameter : model.trainable()) {
        float[] of = new float[Math.toIntExact(parameter.size())];
        backend.read(parameter.value(), 0, of, 0, of.length);
        values.put(parameter.name(), of);
      }
    }
    return values;
  }
}
