package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@link Backend} promises of rows by index, losses and the optimiser's kernels. */
abstract class IndexAndLossContract extends BackendFixture {

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 16, 33})
  void gathersRowsWithRepetition(int columns) {
    Tensor table = normal(6, columns);
    int[] ids = {5, 0, 0, 3, 5};
    double[] rows = host(table);
    double[] expected = new double[ids.length * columns];
    for (int i = 0; i < ids.length; i++) {
      System.arraycopy(rows, ids[i] * columns, expected, i * columns, columns);
    }
    Tensor out = output(ids.length, columns);
    backend.gather(table, HostKernels.ints(backend, ids), false, out);
    assertClose("gather", out, expected, 0);
    backend.gather(table, HostKernels.ints(backend, ids), true, out);
    for (int i = 0; i < expected.length; i++) {
      expected[i] *= 2;
    }
    assertClose("gather added", out, expected, 1e-6);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 16, 33})
  void scattersRowsAndLeavesNegativeIdsOut(int columns) {
    Tensor table = normal(6, columns);
    int[] ids = {5, -1, 0, 3, 5, 5, -100};
    Tensor rows = normal(ids.length, columns);
    double[] expected = host(table);
    double[] from = host(rows);
    for (int i = 0; i < ids.length; i++) {
      for (int j = 0; j < columns && ids[i] >= 0; j++) {
        expected[ids[i] * columns + j] += from[i * columns + j];
      }
    }
    backend.scatterAdd(rows, HostKernels.ints(backend, ids), table);
    assertClose("scatterAdd", table, expected, 1e-6);
    backend.scatterAdd(rows, HostKernels.ints(backend, -1, -1, -1, -1, -1, -1, -1), table);
    assertClose("scatterAdd of none", table, expected, 1e-6);
  }

  private static double crossEntropy(double[] logits, int[] labels) {
    int classes = logits.length / labels.length;
    double sum = 0;
    int count = 0;
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] >= 0) {
        double denominator = 0;
        for (int j = 0; j < classes; j++) {
          denominator += Math.exp(logits[i * classes + j]);
        }
        sum += Math.log(denominator) - logits[i * classes + labels[i]];
        count++;
      }
    }
    return sum / count;
  }

  @ParameterizedTest(name = "{0} rows of {1} classes")
  @CsvSource({"1,2", "5,3", "8,2", "4,17", "3,1000"})
  void crossEntropyAndItsGradient(int n, int classes) {
    Tensor logits = normal(n, classes);
    int[] labels = new int[n];
    for (int i = 0; i < n; i++) {
      labels[i] = i == 1 ? -100 : random.nextInt(classes);
    }
    double[] values = host(logits);
    double expected = crossEntropy(values, labels);
    double[] gradient =
        Reference.gradient(x -> new double[] {crossEntropy(x, labels)}, values, new double[] {1});
    assertThat(HostKernels.crossEntropy(backend, logits, labels, null))
        .isCloseTo(expected, within(1e-5));
    Tensor dLogits = output(n, classes);
    assertThat(HostKernels.crossEntropy(backend, logits, labels, dLogits))
        .isCloseTo(expected, within(1e-5));
    assertClose("dLogits", dLogits, gradient, 1e-6);
    assertThat(floats(logits)).containsExactly(toFloats(values));
    HostKernels.crossEntropy(backend, logits, labels, logits);
    assertClose("dLogits in place", logits, gradient, 1e-6);
  }

  @Test
  void columnsAreSummedByLists() {
    Tensor x = normal(7, 9);
    double[] in = host(x);
    int[] starts = {0, 2, 2, 3, 6};
    int[] columns = {8, 0, 4, 1, 1, 3};
    Tensor out = output(7, 4);
    backend.sumColumns(
        x, HostKernels.ints(backend, starts), HostKernels.ints(backend, columns), out);
    double[] expected = new double[7 * 4];
    for (int i = 0; i < 7; i++) {
      for (int j = 0; j < 4; j++) {
        for (int e = starts[j]; e < starts[j + 1]; e++) {
          expected[i * 4 + j] += in[i * 9 + columns[e]];
        }
      }
    }
    assertClose("out", out, expected, 1e-6);
  }

  @Test
  void crossEntropyStandsLargeLogits() {
    Tensor logits = upload(new float[] {1000, -1000, 0, -1000, 1000, 0}, 2, 3);
    Tensor dLogits = output(2, 3);
    assertThat(HostKernels.crossEntropy(backend, logits, new int[] {0, 0}, dLogits))
        .isEqualTo(1000);
    assertClose("dLogits", dLogits, new double[] {0, 0, 0, -0.5, 0.5, 0}, 1e-6);
  }

  @Test
  void crossEntropyOfNoLabelIsZeroAndSoIsItsGradient() {
    Tensor dLogits = output(2, 3);
    assertThat(HostKernels.crossEntropy(backend, normal(2, 3), new int[] {-1, -1}, dLogits))
        .isZero();
    assertClose("dLogits", dLogits, new double[6], 0);
  }

  @Test
  void crossEntropyReportsNotANumber() {
    Tensor logits = upload(new float[] {Float.NaN, 1, 2, 3}, 2, 2);
    assertThat(HostKernels.crossEntropy(backend, logits, new int[] {1, 0}, null)).isNaN();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 32})
  void meanSquaredErrorAndItsGradient(int n) {
    Tensor x = normal(n, 1);
    float[] target = normals(n);
    double[] values = host(x);
    double expected = 0;
    double[] gradient = new double[n];
    for (int i = 0; i < n; i++) {
      expected += (values[i] - target[i]) * (values[i] - target[i]) / n;
      gradient[i] = 2 * (values[i] - target[i]) / n;
    }
    assertThat(HostKernels.meanSquaredError(backend, x, target, null))
        .isCloseTo(expected, within(1e-5));
    Tensor dx = output(n, 1);
    assertThat(HostKernels.meanSquaredError(backend, x, target, dx))
        .isCloseTo(expected, within(1e-5));
    assertClose("dx", dx, gradient, 1e-6);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 100, 100_003})
  void sumOfSquaresIsDoublePrecise(int n) {
    Tensor x = normal(n);
    double expected = 0;
    for (double value : host(x)) {
      expected += value * value;
    }
    assertThat(HostKernels.sumOfSquares(backend, x)).isCloseTo(expected, within(expected * 1e-6));
    backend.fill(x, 1e-4f);
    double square = (double) 1e-4f * 1e-4f;
    assertThat(HostKernels.sumOfSquares(backend, x))
        .isCloseTo(n * square, within(n * square * 1e-6));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 16, 1003})
  void adamWFollowsItsFormulaForFiveSteps(int n) {
    Tensor p = normal(n);
    Tensor m = upload(new float[n], n);
    Tensor v = upload(new float[n], n);
    double[] parameters = host(p);
    double[] first = new double[n];
    double[] second = new double[n];
    for (int t = 1; t <= 5; t++) {
      Tensor g = normal(n);
      double[] gradient = host(g);
      double correction1 = 1 - Math.pow(0.9, t);
      double correction2 = 1 - Math.pow(0.999, t);
      HostKernels.adamW(
          backend,
          p,
          g,
          m,
          v,
          new AdamStep(1e-2f, 0.9f, 0.999f, 1e-6f, 0.1f, correction1, correction2));
      for (int i = 0; i < n; i++) {
        parameters[i] *= 1 - 1e-2 * 0.1;
        first[i] = 0.9 * first[i] + 0.1 * gradient[i];
        second[i] = 0.999 * second[i] + 0.001 * gradient[i] * gradient[i];
        parameters[i] -=
            1e-2 / correction1 * first[i] / (Math.sqrt(second[i]) / Math.sqrt(correction2) + 1e-6);
      }
      assertThat(floats(g)).containsExactly(toFloats(gradient));
    }
    assertClose("parameters", p, parameters, 5e-6);
    assertClose("first moments", m, first, 5e-6);
    assertClose("second moments", v, second, 5e-6);
  }

  private static float[] toFloats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }
}
