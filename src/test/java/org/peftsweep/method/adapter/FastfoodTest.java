package org.peftsweep.method.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;
import org.peftsweep.model.TinyModels;

class FastfoodTest {
  /** Fewer and more numbers than the 960 entries that they are mapped to. */
  @ParameterizedTest
  @ValueSource(ints = {1, 37, 1500})
  void isTheProductOfItsFactorsAndKeepsLengths(int inputs) {
    SplittableRandom random = new SplittableRandom(inputs);
    try (Backend backend = Backends.open("cpu", 1);
        Tape tape = new Tape(backend);
        Model model = TinyModels.model(TinyModels.ROBERTA, 1, backend)) {
      AttachContext to = new AttachContext(model, Set.of(Role.FFN_UP), backend, new Seeds(3));
      Linear linear = to.projections().get(0);
      List<Parameter> frozen = new ArrayList<>();
      Fastfood map = new Fastfood.Maker(to, inputs).of(linear, random.split(), frozen);
      float[] z = gaussian(random, inputs);
      float[] g = gaussian(random, linear.out() * linear.in());
      Parameter learnt = to.learning(linear, "z", 1, inputs);
      backend.write(z, 0, learnt.value(), 0, inputs);
      tape.startTraining(1);
      Var mapped = map.of(tape, learnt.var());
      float[] values = TinyModels.read(backend, mapped.value());
      assertThat(values).containsExactly(slowly(backend, frozen, z, g.length), within(1e-4f));
      assertThat(dot(values, values)).isBetween(0.5 * dot(z, z), 1.6 * dot(z, z));

      // The way back is the transpose: ⟨M·z, g⟩ = ⟨z, Mᵀ·g⟩.
      float[] wanted = new float[g.length];
      for (int i = 0; i < g.length; i++) {
        wanted[i] = values[i] - g[i] * g.length / 2f;
      }
      tape.meanSquaredError(mapped, tape.floats(() -> wanted));
      tape.backward();
      float[] back = TinyModels.read(backend, learnt.var().gradient());
      assertThat(dot(z, back))
          .isCloseTo(dot(values, g), within(2e-3 * Math.sqrt(dot(g, g) * dot(z, z))));
      assertThat(frozen.stream().mapToLong(Parameter::size).sum())
          .isLessThan(inputs + 2 * 2048 + 2 * 32 * 32);
      frozen.forEach(parameter -> backend.free(parameter.value().memory()));
    }
  }

  /** {@code H·G·Π·H·B·pad(z)}, entry by entry, from the frozen tensors. */
  private static float[] slowly(Backend backend, List<Parameter> frozen, float[] z, int size) {
    float[] signs = TinyModels.read(backend, frozen.get(0).value());
    float[] gains = TinyModels.read(backend, frozen.get(2).value());
    Tensor bits = frozen.get(1).value();
    float[] order = TinyModels.read(backend, bits);
    int n = gains.length;
    double[] padded = new double[n];
    for (int i = 0; i < z.length; i++) {
      padded[i] = signs[i] * z[i];
    }
    double[] mixed = hadamard(padded);
    double[] scaled = new double[n];
    for (int i = 0; i < n; i++) {
      scaled[i] = gains[i] * mixed[Float.floatToRawIntBits(order[i])];
    }
    double[] spread = hadamard(scaled);
    float[] first = new float[size];
    for (int i = 0; i < size; i++) {
      first[i] = (float) spread[i];
    }
    return first;
  }

  private static double[] hadamard(double[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      for (int j = 0; j < x.length; j++) {
        y[i] += Integer.bitCount(i & j) % 2 == 0 ? x[j] : -x[j];
      }
    }
    return y;
  }

  private static float[] gaussian(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }
}
