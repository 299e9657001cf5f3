package org.peftsweep.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Model;
import org.peftsweep.model.TinyModels;

/** Passes of a shape that was met before run by a plan, and leave what they would leave without. */
class PlannedPassesTest {
  /** Batches of two shapes in turn; the second pass of each step adds to the first. */
  private static final int[][] BATCHES = {{0, 1}, {2, 3}, {4, 5, 6}, {7, 1}, {2, 5}, {3, 0, 4}};

  /** Counts how often a loss is recorded. */
  private record Counting(NextToken inner, AtomicInteger recorded) {
    Objective objective() {
      return (Objective)
          Proxy.newProxyInstance(
              Objective.class.getClassLoader(),
              new Class<?>[] {Objective.class},
              (proxy, method, arguments) -> {
                if (method.getName().equals("loss")) {
                  recorded.incrementAndGet();
                  @SuppressWarnings("unchecked")
                  Supplier<Inputs> inputs = (Supplier<Inputs>) arguments[2];
                  return inner.loss((Tape) arguments[0], (Var) arguments[1], inputs);
                }
                try {
                  return method.invoke(inner, arguments);
                } catch (InvocationTargetException e) {
                  throw e.getCause();
                }
              });
    }
  }

  @Test
  void passesOfAKnownShapeAreNotRecordedAgain() {
    AtomicInteger recorded = new AtomicInteger();
    List<float[]> planned = gradients(true, recorded);
    int plannedCount = recorded.getAndSet(0);
    List<float[]> built = gradients(false, recorded);
    assertThat(recorded.get()).isEqualTo(10 * BATCHES.length);
    assertThat(plannedCount).isLessThan(recorded.get() / 2);
    for (int i = 0; i < built.size(); i++) {
      assertThat(planned.get(i)).as("after pass %s", i).isEqualTo(built.get(i));
    }
  }

  /** Returns a sum of gradients and the loss after each pass. */
  private static List<float[]> gradients(boolean plans, AtomicInteger recorded) {
    List<float[]> seen = new ArrayList<>();
    try (Backend backend = Backends.open("cpu", 1);
        TinyText text = TinyText.of(1)) {
      Objective objective = new Counting(new NextToken(), recorded).objective();
      try (Model model = text.model(objective, TinyModels.ROBERTA, backend)) {
        model.parameters().forEach(parameter -> parameter.train(backend));
        Pack pack = Pack.alone(backend);
        Tensor sum = new Tensor(ElementType.F64, backend.allocate(2), 0, 1);
        for (int pass = 0; pass < 10 * BATCHES.length; pass++) {
          if (pass % 2 == 0) {
            model.trainable().forEach(parameter -> parameter.var().clearGradient());
          }
          if (!plans) {
            // A pack that has seen nothing knows no shape.
            pack.close();
            pack = Pack.alone(backend);
          }
          Pack.Lane lane = pack.lane(0).with(model, MethodHooks.PASSIVE, objective);
          Inputs inputs =
              objective.inputs(text.batch(BATCHES[pass % BATCHES.length]), new Seeds(1), pass);
          lane.train(inputs, pass, 0.5, sum, null);
          float[] gradient = TinyModels.read(backend, model.trainable().get(1).var().gradient());
          seen.add(gradient);
          seen.add(new float[] {(float) backend.numbers(sum)[0]});
        }
        pack.close();
      }
    }
    return seen;
  }

  private static Backend with(Backend backend, String name, Supplier<Object> answer) {
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals(name)) {
                return answer.get();
              }
              try {
                return method.invoke(backend, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 100})
  void lossesAreTheSameHoweverSeldomTheyAreLookedAt(int between) {
    List<Double> often = new ArrayList<>();
    TrainerTest.train(null, Integer.MAX_VALUE, backend -> backend, often);
    List<Double> seldom = new ArrayList<>();
    TrainerTest.train(
        null,
        Integer.MAX_VALUE,
        backend -> with(backend, "stepsBetweenLooks", () -> between),
        seldom);
    assertThat(often).hasSizeGreaterThan(2);
    assertThat(seldom).isEqualTo(often);
  }
}
