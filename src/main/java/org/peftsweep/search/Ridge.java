package org.peftsweep.search;

import java.util.List;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.CholeskyDecomposition;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.RealVector;

/**
 * Linear regression with a penalty on the weights of standardised features; of some penalties the
 * one with the least leave-one-out error.
 *
 * @param weights of standardised features
 * @param deviation root mean square of the leave-one-out residuals, above 0
 */
record Ridge(double[] centre, double[] scale, double[] weights, double mean, double deviation) {
  private static final double[] PENALTIES = {0.1, 0.3, 1, 3, 10, 30, 100};
  private static final double LEAST_DEVIATION = 1e-6;

  /** Fits rows of features to targets. */
  static Ridge fit(List<double[]> rows, double[] targets) {
    int n = rows.size();
    int d = rows.get(0).length;
    double[] centre = new double[d];
    double[] scale = new double[d];
    double mean = 0;
    for (int i = 0; i < n; i++) {
      mean += targets[i] / n;
      for (int j = 0; j < d; j++) {
        centre[j] += rows.get(i)[j] / n;
      }
    }
    for (double[] row : rows) {
      for (int j = 0; j < d; j++) {
        scale[j] += (row[j] - centre[j]) * (row[j] - centre[j]) / n;
      }
    }
    RealMatrix x = new Array2DRowRealMatrix(n, d);
    for (int j = 0; j < d; j++) {
      scale[j] = scale[j] > 1e-18 ? Math.sqrt(scale[j]) : 1;
      for (int i = 0; i < n; i++) {
        x.setEntry(i, j, (rows.get(i)[j] - centre[j]) / scale[j]);
      }
    }
    RealVector y = MatrixUtils.createRealVector(targets).mapSubtract(mean);
    RealMatrix gram = x.transpose().multiply(x);
    Ridge best = null;
    for (double penalty : PENALTIES) {
      RealMatrix inverse =
          new CholeskyDecomposition(
                  gram.add(MatrixUtils.createRealIdentityMatrix(d).scalarMultiply(penalty)))
              .getSolver()
              .getInverse();
      RealVector weights = inverse.operate(x.preMultiply(y));
      double squares = 0;
      for (int i = 0; i < n; i++) {
        RealVector row = x.getRowVector(i);
        // The mean is fitted too, which takes 1/n.
        double leverage = Math.min(1 - 1e-6, 1.0 / n + row.dotProduct(inverse.operate(row)));
        double residual = (y.getEntry(i) - row.dotProduct(weights)) / (1 - leverage);
        squares += residual * residual;
      }
      double deviation = Math.max(LEAST_DEVIATION, Math.sqrt(squares / n));
      if (best == null || deviation < best.deviation) {
        best = new Ridge(centre, scale, weights.toArray(), mean, deviation);
      }
    }
    return best;
  }

  double predict(double[] row) {
    double sum = mean;
    for (int j = 0; j < weights.length; j++) {
      sum += weights[j] * (row[j] - centre[j]) / scale[j];
    }
    return sum;
  }
}
