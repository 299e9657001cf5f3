package org.peftsweep.method.adapter;

import org.peftsweep.compute.Lapack;

/** Covariance of a matrix's inputs, about zero, and the start that it gives. */
final class InputCovariance {
  private static final double DAMPING = 0.01;

  /** Distance of {@code C·C⁻¹} from 1 at which a covariance counts as inverted. */
  private static final double ERROR = 0.05;

  private final int width;
  private final double[] sum;
  private int batches;

  InputCovariance(int width) {
    this.width = width;
    this.sum = new double[width * width];
  }

  /** Takes in a batch {@code [count, width]}, which it divides by its largest entry. */
  void add(double[] batch, int count) {
    double largest = Double.NEGATIVE_INFINITY;
    for (double value : batch) {
      largest = Math.max(largest, value);
    }
    double[] product = Lapack.product(true, batch, batch, width, width, count);
    for (int i = 0; i < sum.length; i++) {
      sum[i] += product[i] / (largest * largest);
    }
    batches++;
  }

  /**
   * Returns the start of a weight {@code [out, width]}; w is overwritten.
   *
   * @param isLargest whether the largest singular values are taken, else the smallest
   */
  LowRankStart start(double[] w, int out, int rank, double scale, boolean isLargest) {
    double damping = DAMPING;
    double[] covariance = damped(damping);
    double[] inverse = inverse(covariance);
    while (distanceFromOne(Lapack.product(false, covariance, inverse, width, width, width))
        >= ERROR) {
      damping *= 2;
      covariance = damped(damping);
      inverse = inverse(covariance);
    }
    Lapack.Svd svd =
        Lapack.svd(Lapack.product(false, w, covariance, out, width, width), out, width);
    int all = svd.sigma().length;
    int from = isLargest ? 0 : all - rank;
    double[] rows = new double[rank * width];
    System.arraycopy(svd.vt(), from * width, rows, 0, rows.length);
    double[] directions = Lapack.product(false, rows, inverse, rank, width, width);
    float[] a = new float[rank * width];
    float[] b = new float[out * rank];
    for (int i = 0; i < rank; i++) {
      double root = Math.sqrt(svd.sigma()[from + i] / scale);
      for (int j = 0; j < width; j++) {
        a[i * width + j] = (float) (root * directions[i * width + j]);
      }
      for (int j = 0; j < out; j++) {
        b[j * rank + i] = (float) (root * svd.u()[j * all + from + i]);
      }
    }
    return new LowRankStart(a, b, rank);
  }

  private double[] damped(double damping) {
    double[] damped = new double[sum.length];
    double trace = 0;
    for (int i = 0; i < sum.length; i++) {
      damped[i] = sum[i] / batches;
      trace += i % (width + 1) == 0 ? damped[i] : 0;
    }
    for (int i = 0; i < width; i++) {
      damped[i * (width + 1)] += damping * trace / width;
    }
    return damped;
  }

  /** Of a symmetric matrix without negative eigenvalues: {@code VΣ⁻¹Uᵀ}. */
  private double[] inverse(double[] matrix) {
    Lapack.Svd svd = Lapack.svd(matrix.clone(), width, width);
    double[] scaled = new double[matrix.length];
    for (int i = 0; i < width; i++) {
      for (int j = 0; j < width; j++) {
        scaled[i * width + j] = svd.u()[j * width + i] / svd.sigma()[i];
      }
    }
    return Lapack.product(true, svd.vt(), scaled, width, width, width);
  }

  private double distanceFromOne(double[] matrix) {
    double squares = 0;
    for (int i = 0; i < matrix.length; i++) {
      double off = matrix[i] - (i % (width + 1) == 0 ? 1 : 0);
      squares += off * off;
    }
    return Math.sqrt(squares);
  }
}
