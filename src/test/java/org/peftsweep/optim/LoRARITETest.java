package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.Lapack;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

class LoRARITETest {
  private static final double RATE = 0.05;

  /** Follows a pair down {@code |B·A − W|²/2} and returns {@code B·A} after each step. */
  private static double[][] products(
      Optimizer optimizer, double[] a, double[] b, double[] w, int rank, int steps) {
    int in = a.length / rank;
    int out = b.length / rank;
    double[][] products = new double[steps][];
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter first = parameter(backend, "x.lora_A.weight", a, rank, in);
      Parameter second = parameter(backend, "x.lora_B.weight", b, out, rank);
      Rates rates = new Rates(RATE, 1, RATE, Rates.Grouping.ROLES);
      try (Updates updates = new Updates(backend, List.of(first, second), rates, 0, optimizer)) {
        for (int step = 0; step < steps; step++) {
          double[] nowA = values(backend, first);
          double[] nowB = values(backend, second);
          double[] off = Lapack.product(false, nowB, nowA, out, in, rank);
          for (int i = 0; i < off.length; i++) {
            off[i] -= w[i];
          }
          give(backend, first, Lapack.product(true, nowB, off, rank, in, out));
          give(backend, second, times(off, nowA, out, rank, in));
          updates.step(1);
          products[step] =
              Lapack.product(false, values(backend, second), values(backend, first), out, in, rank);
        }
      }
    }
    return products;
  }

  @ParameterizedTest
  @CsvSource({"6, 9, 1, true", "9, 6, 3, true", "7, 7, 4, false", "5, 8, 5, true"})
  void movesTheProductAlikeHoweverItIsSplit(int out, int in, int rank, boolean escape) {
    SplittableRandom random = new SplittableRandom(out * 100L + in);
    double[] w = random.doubles(out * in, -1, 1).toArray();
    double[] a = random.doubles(rank * in, -1, 1).toArray();
    double[] b = random.doubles(out * rank, -1, 1).toArray();
    double[] split = random.doubles(rank * rank, -0.3, 0.3).toArray();
    for (int i = 0; i < rank; i++) {
      split[i * (rank + 1)] += 3;
    }
    double[] otherA = Lapack.product(false, split, a, rank, in, rank);
    double[] otherB = Lapack.product(false, b, inverse(split, rank), out, rank, rank);
    Optimizer optimizer = new LoRARITE(0.9, 0.95, 1e-6, escape);

    double[][] one = products(optimizer, a, b, w, rank, 6);
    double[][] two = products(optimizer, otherA, otherB, w, rank, 6);
    for (int step = 0; step < one.length; step++) {
      assertThat(two[step]).as("step " + step).containsExactly(one[step], within(2e-3));
    }
    AdamW adam = new AdamW(0.9, 0.95, 1e-6);
    double[] plain = products(adam, a, b, w, rank, 6)[5];
    double[] other = products(adam, otherA, otherB, w, rank, 6)[5];
    assertThat(distance(plain, other)).isGreaterThan(10 * distance(one[5], two[5]));
    assertThat(distance(one[5], w)).isLessThan(distance(one[0], w));
  }

  /** A learnt matrix between the factors makes them no pair: both take AdamW. */
  @Test
  void factorsWithSomethingBetweenThemAreNoPair() {
    SplittableRandom random = new SplittableRandom(5);
    for (boolean isBetween : new boolean[] {false, true}) {
      try (Backend backend = Backends.open("cpu", 1)) {
        double[] values = random.doubles(6, -1, 1).toArray();
        double[][] moved = new double[2][];
        Optimizer[] both = {new LoRARITE(0.9, 0.95, 1e-6, true), new AdamW(0.9, 0.95, 1e-6)};
        for (int i = 0; i < 2; i++) {
          Parameter a = parameter(backend, "x.lora_A.weight", values, 2, 3);
          Parameter b = parameter(backend, "x.lora_B.weight", values, 3, 2);
          Parameter mixer = parameter(backend, "x.lora_AB", values, 2, 3);
          List<Parameter> all = isBetween ? List.of(a, b, mixer) : List.of(a, b);
          Rates rates = new Rates(RATE, 1, RATE, Rates.Grouping.ROLES);
          try (Updates updates = new Updates(backend, all, rates, 0, both[i])) {
            all.forEach(parameter -> give(backend, parameter, values));
            updates.step(1);
          }
          moved[i] = values(backend, a);
        }
        assertThat(Arrays.equals(moved[0], moved[1])).isEqualTo(isBetween);
      }
    }
  }

  /** With rank 1 all is a number: B moves by {@code lr·u/rms(u)/|A|}, u its gradient. */
  @Test
  void theFirstStepIsTheDerivedOne() {
    double[] a = {0.6, -0.8, 0};
    double[] b = {0, 0};
    double[] w = {1, 2, 3, -1, 0.5, 2};
    double[] u = {-(0.6 * 1 - 0.8 * 2), -(0.6 * -1 - 0.8 * 0.5)};
    double rms = Math.sqrt((u[0] * u[0] + u[1] * u[1]) / 2);
    double[] moved = new double[6];
    for (int i = 0; i < 6; i++) {
      moved[i] = -RATE * u[i / 3] / rms * a[i % 3];
    }
    double[][] products = products(new LoRARITE(0.9, 0.99, 1e-9, true), a, b, w, 1, 1);
    assertThat(products[0]).containsExactly(moved, within(1e-6));
  }

  private static double distance(double[] a, double[] b) {
    double squares = 0;
    for (int i = 0; i < a.length; i++) {
      squares += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return Math.sqrt(squares);
  }

  /** {@code off·aᵀ}. */
  private static double[] times(double[] off, double[] a, int out, int rank, int in) {
    double[] product = new double[out * rank];
    for (int i = 0; i < out; i++) {
      for (int k = 0; k < rank; k++) {
        for (int j = 0; j < in; j++) {
          product[i * rank + k] += off[i * in + j] * a[k * in + j];
        }
      }
    }
    return product;
  }

  private static double[] inverse(double[] matrix, int side) {
    Lapack.Svd svd = Lapack.svd(matrix.clone(), side, side);
    double[] scaled = new double[matrix.length];
    for (int i = 0; i < side; i++) {
      for (int j = 0; j < side; j++) {
        scaled[i * side + j] = svd.u()[j * side + i] / svd.sigma()[i];
      }
    }
    return Lapack.product(true, svd.vt(), scaled, side, side, side);
  }

  private static Parameter parameter(Backend backend, String name, double[] values, int... shape) {
    Parameter parameter = Parameter.zeros(backend, name, Role.QUERY, 0, shape).train(backend);
    backend.write(floats(values), 0, parameter.value(), 0, values.length);
    return parameter;
  }

  private static void give(Backend backend, Parameter parameter, double[] gradient) {
    parameter.var().markGradientFresh();
    backend.write(floats(gradient), 0, parameter.var().gradient(), 0, gradient.length);
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private static double[] values(Backend backend, Parameter parameter) {
    float[] values = new float[Math.toIntExact(parameter.size())];
    backend.read(parameter.value(), 0, values, 0, values.length);
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }
}
