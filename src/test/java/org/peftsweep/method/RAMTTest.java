package org.peftsweep.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.method.adapter.AttachContext;
import org.peftsweep.method.adapter.MethodHooks;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

class RAMTTest {
  private static final float[] AROUND = {1, -1, 1e3f, -1e3f, 1e-3f, -1e-3f, 0};

  /** Scores next to the threshold, on it and far from it; W is all that is masked. */
  @ParameterizedTest
  @ValueSource(floats = {5e-3f, 0.2f, 3})
  void masksByTheThresholdAndLearnsThroughIt(float threshold) {
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.model(TinyModels.ROBERTA, 1, backend)) {
      MethodHooks hooks =
          new RAMT(2 * threshold, threshold, 0.5)
              .attach(new AttachContext(model, Set.of(Role.QUERY), backend, new Seeds(1)));
      Linear query =
          model.projections().stream().filter(l -> l.adapter() != null).findFirst().orElseThrow();
      Parameter scores = query.adapter().parameters().get(0);
      float[] values = new float[Math.toIntExact(scores.size())];
      double squares = 0;
      for (int i = 0; i < values.length; i++) {
        values[i] = scores(threshold, i);
        squares += (double) values[i] * values[i];
      }
      backend.write(values, 0, scores.value(), 0, values.length);

      float[] weight = TinyModels.read(backend, query.weight().value());
      Tensor merged = new Tensor(backend.allocate(weight.length), 0, query.weight().shape());
      backend.write(weight, 0, merged, 0, weight.length);
      query.adapter().merge(backend, query, merged, null);
      float[] masked = TinyModels.read(backend, merged);
      for (int i = 0; i < masked.length; i++) {
        assertThat(masked[i]).isEqualTo(values[i] > threshold ? weight[i] : 0 * weight[i]);
      }

      tape.startTraining(1);
      Tensor x = tape.arena().take(1, query.in());
      backend.fill(x, 1);
      Var y = query.adapter().apply(tape, query, Var.constant(x), null);
      float[] wanted = TinyModels.read(backend, y.value());
      for (int i = 0; i < wanted.length; i++) {
        wanted[i] -= wanted.length / 2f;
      }
      tape.meanSquaredError(y, tape.floats(() -> wanted));
      List<Tensor> penalties = hooks.regularisers(tape);
      assertThat(penalties).hasSize(1);
      assertThat(tape.number(penalties.get(0)))
          .isCloseTo(0.5 * Math.sqrt(squares), within(1e-4 * Math.sqrt(squares)));
      tape.backward();
      // Each output's gradient is 1 and each input 1: that of a score is its weight.
      float[] gradient = TinyModels.read(backend, scores.var().gradient());
      for (int i = 0; i < gradient.length; i++) {
        double penalty = 0.5 * values[i] / Math.sqrt(squares);
        assertThat(gradient[i]).isCloseTo((float) (weight[i] + penalty), within(1e-4f));
      }
    }
  }

  private static float scores(float threshold, int i) {
    return switch (i % 4) {
      case 0 -> Math.nextUp(threshold);
      case 1 -> Math.nextDown(threshold);
      case 2 -> threshold;
      default -> threshold + AROUND[i % AROUND.length];
    };
  }
}
