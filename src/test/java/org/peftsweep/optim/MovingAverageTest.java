package org.peftsweep.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.peftsweep.checkpoint.StateWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Backends;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

class MovingAverageTest {
  private static final int SIZE = 37;
  private static final double DECAY = 0.9;

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void followsTheFormulaBesideTheLastWeights(boolean balanced) {
    try (Backend backend = Backends.open("cpu", 1);
        Scratch scratch = new Scratch(backend)) {
      Parameter parameter = parameter(backend);
      Lion lion = new Lion(0.9, 0.99);
      Parameter alone = parameter(backend);
      Update plain = lion.update(alone);
      Update averaged = new MovingAverage(parameter, lion.update(parameter), DECAY, balanced);
      double[] average = doubles(backend, parameter);
      double[] before = average;
      double[] oldGradient = null;
      double weight = DECAY;
      boolean wasBelow = false;
      for (int step = 0; step < 8; step++) {
        double[] last = doubles(backend, parameter);
        double[] gradient = gradient(step);
        if (step > 0) {
          weight = balanced ? balance(gradient, oldGradient, last, before, average) : DECAY;
          wasBelow |= weight < DECAY;
          average = mixed(weight, average, last);
        }
        before = last;
        oldGradient = gradient;
        step(backend, parameter, averaged, gradient, scratch);
        step(backend, alone, plain, gradient, scratch);

        double[] moved = doubles(backend, parameter);
        assertThat(moved).as("the mover's own weights").isEqualTo(doubles(backend, alone));
        averaged.showAverage(backend);
        assertThat(doubles(backend, parameter))
            .containsExactly(mixed(weight, average, moved), within(1e-5));
        averaged.hideAverage(backend);
        assertThat(doubles(backend, parameter)).isEqualTo(moved);
      }
      assertThat(wasBelow).isEqualTo(balanced);
      averaged.free(backend);
      plain.free(backend);
    }
  }

  @Test
  void beforeTheFirstStepTheWeightsAreTheirOwnAverage() {
    try (Backend backend = Backends.open("cpu", 1)) {
      Parameter parameter = parameter(backend);
      double[] start = doubles(backend, parameter);
      Update update =
          new MovingAverage(parameter, new Lion(0.9, 0.99).update(parameter), DECAY, true);
      update.showAverage(backend);
      assertThat(doubles(backend, parameter)).isEqualTo(start);
      update.hideAverage(backend);
      update.save(backend, new StateWriter());
      assertThat(update.stateBytes()).isZero();
    }
  }

  private static double balance(
      double[] g, double[] oldG, double[] theta, double[] oldTheta, double[] average) {
    double curvature = difference(g, oldG) / difference(theta, oldTheta);
    double sum = Arrays.stream(g).map(Math::abs).sum();
    return Math.min(DECAY, (sum + 1) / (difference(theta, average) * curvature));
  }

  private static double difference(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < SIZE; i++) {
      sum += Math.abs(a[i] - b[i]);
    }
    return sum;
  }

  private static double[] mixed(double weight, double[] average, double[] last) {
    double[] mixed = new double[SIZE];
    for (int i = 0; i < SIZE; i++) {
      mixed[i] = weight * average[i] + (1 - weight) * last[i];
    }
    return mixed;
  }

  private static Parameter parameter(Backend backend) {
    Parameter parameter = Parameter.zeros(backend, "a.b", Role.VALUE, 0, SIZE).train(backend);
    backend.write(floats(new SplittableRandom(3), 1), 0, parameter.value(), 0, SIZE);
    return parameter;
  }

  /** Gradients that turn over often have much curvature. */
  private static double[] gradient(int step) {
    double[] gradient = new double[SIZE];
    float[] values = floats(new SplittableRandom(step), 3);
    Arrays.setAll(gradient, i -> values[i]);
    return gradient;
  }

  private static float[] floats(SplittableRandom random, double scale) {
    float[] values = new float[SIZE];
    for (int i = 0; i < SIZE; i++) {
      values[i] = (float) (scale * random.nextGaussian());
    }
    return values;
  }

  private static void step(
      Backend backend, Parameter parameter, Update update, double[] gradient, Scratch scratch) {
    float[] values = new float[SIZE];
    for (int i = 0; i < SIZE; i++) {
      values[i] = (float) gradient[i];
    }
    parameter.var().markGradientFresh();
    backend.write(values, 0, parameter.var().gradient(), 0, SIZE);
    update.step(backend, 0.3, 0, scratch);
    scratch.adamSteps().run();
  }

  private static double[] doubles(Backend backend, Parameter parameter) {
    float[] values = new float[SIZE];
    backend.read(parameter.value(), 0, values, 0, SIZE);
    double[] doubles = new double[SIZE];
    Arrays.setAll(doubles, i -> values[i]);
    return doubles;
  }
}
