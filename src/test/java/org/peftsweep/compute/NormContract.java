package org.peftsweep.compute;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@link Backend} promises of layer norm and RMS norm. */
abstract class NormContract extends BackendFixture {
  private static final float EPSILON = 1e-5f;

  @ParameterizedTest(name = "[{0}, {1}]")
  @CsvSource({"1,2", "1,7", "5,3", "3,16", "7,33", "2,130", "33,8"})
  void layerNormKeepsItsSumAndStatistics(int rows, int columns) {
    Tensor gamma = normal(columns);
    Tensor beta = normal(columns);
    Tensor residual = normal(rows, columns);
    for (boolean adds : new boolean[] {false, true}) {
      Tensor x = normal(rows, columns);
      double[] sum = host(x);
      double[] other = host(residual);
      for (int i = 0; i < sum.length && adds; i++) {
        sum[i] += other[i];
      }
      Tensor y = output(rows, columns);
      Tensor mean = output(rows);
      Tensor rstd = output(rows);
      backend.layerNorm(x, adds ? residual : null, gamma, beta, EPSILON, y, mean, rstd);
      assertClose("sum", x, sum, 1e-6);
      assertClose("y", y, Reference.layerNorm(sum, host(gamma), host(beta), EPSILON), 5e-5);
      double[] means = new double[rows];
      double[] deviations = new double[rows];
      for (int i = 0; i < sum.length; i++) {
        means[i / columns] += sum[i] / columns;
      }
      for (int i = 0; i < sum.length; i++) {
        deviations[i / columns] += Math.pow(sum[i] - means[i / columns], 2) / columns;
      }
      for (int i = 0; i < rows; i++) {
        deviations[i] = 1 / Math.sqrt(deviations[i] + EPSILON);
      }
      assertClose("mean", mean, means, 1e-6);
      assertClose("rstd", rstd, deviations, 5e-5);
    }
  }

  @ParameterizedTest(name = "[{0}, {1}]")
  @CsvSource({"1,2", "1,7", "5,3", "3,16", "7,33", "2,130", "33,8"})
  void layerNormBackwardMatchesDifferences(int rows, int columns) {
    Tensor x = spread(rows, columns);
    Tensor gamma = normal(columns);
    Tensor beta = normal(columns);
    Tensor dy = normal(rows, columns);
    Tensor mean = output(rows);
    Tensor rstd = output(rows);
    backend.layerNorm(x, null, gamma, beta, EPSILON, output(rows, columns), mean, rstd);
    double[] xs = host(x);
    double[] gs = host(gamma);
    double[] bs = host(beta);
    double[] ds = host(dy);
    double[] dx = Reference.gradient(v -> Reference.layerNorm(v, gs, bs, EPSILON), xs, ds);
    double[] dGamma = Reference.gradient(v -> Reference.layerNorm(xs, v, bs, EPSILON), gs, ds);
    double[] dBeta = Reference.gradient(v -> Reference.layerNorm(xs, gs, v, EPSILON), bs, ds);
    Tensor out = output(rows, columns);
    Tensor outGamma = normal(columns);
    Tensor outBeta = normal(columns);
    double[] gammaBefore = host(outGamma);
    double[] betaBefore = host(outBeta);
    backend.layerNormBackward(x, gamma, mean, rstd, dy, out, outGamma, outBeta);
    assertClose("dx", out, dx, 1e-4);
    assertClose("dGamma", outGamma, sum(gammaBefore, dGamma), 1e-4);
    assertClose("dBeta", outBeta, sum(betaBefore, dBeta), 1e-4);
    backend.layerNormBackward(x, gamma, mean, rstd, dy, out, outGamma, null);
    assertClose("dGamma again", outGamma, sum(sum(gammaBefore, dGamma), dGamma), 1e-4);
    backend.layerNormBackward(x, gamma, mean, rstd, dy, dy, null, null);
    assertClose("dx in place", dy, dx, 1e-4);
  }

  @ParameterizedTest(name = "[{0}, {1}]")
  @CsvSource({"1,1", "1,7", "5,3", "3,16", "7,33", "2,130"})
  void rmsNormAndItsGradientMatchReference(int rows, int columns) {
    Tensor x = spread(rows, columns);
    Tensor gamma = normal(columns);
    Tensor y = output(rows, columns);
    Tensor rstd = output(rows);
    backend.rmsNorm(x, gamma, EPSILON, y, rstd);
    double[] xs = host(x);
    double[] gs = host(gamma);
    assertClose("y", y, Reference.rmsNorm(xs, gs, EPSILON), 1e-5);
    double[] expectedRstd = new double[rows];
    for (int i = 0; i < xs.length; i++) {
      expectedRstd[i / columns] += xs[i] * xs[i] / columns;
    }
    for (int i = 0; i < rows; i++) {
      expectedRstd[i] = 1 / Math.sqrt(expectedRstd[i] + EPSILON);
    }
    assertClose("rstd", rstd, expectedRstd, 1e-5);
    Tensor dy = normal(rows, columns);
    double[] dx = Reference.gradient(v -> Reference.rmsNorm(v, gs, EPSILON), xs, host(dy));
    double[] dGamma = Reference.gradient(v -> Reference.rmsNorm(xs, v, EPSILON), gs, host(dy));
    Tensor out = output(rows, columns);
    Tensor outGamma = normal(columns);
    double[] before = host(outGamma);
    backend.rmsNormBackward(x, gamma, rstd, dy, out, outGamma);
    assertClose("dx", out, dx, 1e-4);
    assertClose("dGamma", outGamma, sum(before, dGamma), 1e-4);
    backend.rmsNormBackward(x, gamma, rstd, dy, dy, null);
    assertClose("dx in place", dy, dx, 1e-4);
  }

  /** Rows whose deviation is well above epsilon, also where they are short. */
  private Tensor spread(int rows, int columns) {
    float[] values = normals(rows * columns);
    for (int i = 0; i < values.length; i++) {
      values[i] += i % columns % 2 == 0 ? 2 : -1;
    }
    return upload(values, rows, columns);
  }

  private static double[] sum(double[] a, double[] b) {
    double[] sum = a.clone();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += b[i];
    }
    return sum;
  }
}
