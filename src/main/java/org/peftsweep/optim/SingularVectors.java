package org.peftsweep.optim;

import java.util.Arrays;
import org.peftsweep.compute.Lapack;

/**
 * The leading singular vectors of a matrix; the largest entry of each is positive, on the left too,
 * so that either side may be used without the other.
 *
 * @param left {@code [rows, rank]}
 * @param right {@code [rank, columns]}
 */
record SingularVectors(float[] left, float[] right) {
  /**
   * Decomposes a row-major matrix, which is overwritten.
   *
   * @throws ArithmeticException if the decomposition does not converge, as with values that are no
   *     numbers
   */
  static SingularVectors of(double[] matrix, int rows, int columns, int rank) {
    if (Arrays.stream(matrix).allMatch(value -> value == 0)) {
      return ofNothing(rows, columns, rank);
    }
    int least = Math.min(rows, columns);
    Lapack.Svd svd = Lapack.svd(matrix, rows, columns);
    float[] left = new float[rows * rank];
    float[] right = new float[rank * columns];
    for (int k = 0; k < rank; k++) {
      double leftSign = sign(svd.u(), k, least, rows);
      for (int i = 0; i < rows; i++) {
        left[i * rank + k] = (float) (leftSign * svd.u()[i * least + k]);
      }
      double rightSign = sign(svd.vt(), k * columns, 1, columns);
      for (int j = 0; j < columns; j++) {
        right[k * columns + j] = (float) (rightSign * svd.vt()[k * columns + j]);
      }
    }
    return new SingularVectors(left, right);
  }

  /**
   * Returns the eigenvectors of a symmetric matrix without negative eigenvalues as columns, in
   * descending order; the matrix is overwritten.
   */
  static double[] orthonormalLeft(double[] matrix, int side) {
    if (Arrays.stream(matrix).allMatch(value -> value == 0)) {
      for (int i = 0; i < side; i++) {
        matrix[i * side + i] = 1;
      }
      return matrix;
    }
    return Lapack.svd(matrix, side, side).u();
  }

  /** Zeros have no direction: the axes, as LAPACK says, without its work. */
  private static SingularVectors ofNothing(int rows, int columns, int rank) {
    float[] left = new float[rows * rank];
    float[] right = new float[rank * columns];
    for (int k = 0; k < rank; k++) {
      left[k * rank + k] = 1;
      right[k * columns + k] = 1;
    }
    return new SingularVectors(left, right);
  }

  private static double sign(double[] values, int from, int stride, int count) {
    double largest = 0;
    for (int i = 0; i < count; i++) {
      double value = values[from + i * stride];
      if (Math.abs(value) > Math.abs(largest)) {
        largest = value;
      }
    }
    return largest < 0 ? -1 : 1;
  }
}
