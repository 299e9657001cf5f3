package org.peftsweep.optim;

import org.bytedeco.openblas.global.openblas;

/**
 * The leading singular vectors of a matrix, by LAPACK on the processor; the largest entry of each
 * is positive.
 *
 * @param left {@code [rows, rank]}
 * @param right {@code [rank, columns]}
 */
record SingularVectors(float[] left, float[] right) {
  private static final int ROW_MAJOR = 101;

  /**
   * Decomposes a row-major matrix, which is overwritten.
   *
   * @throws IllegalStateException if the decomposition does not converge, as with values that are
   *     no numbers
   */
  static SingularVectors of(float[] matrix, int rows, int columns, int rank) {
    int least = Math.min(rows, columns);
    float[] singular = new float[least];
    float[] u = new float[rows * least];
    float[] vt = new float[least * columns];
    openblas.blas_set_num_threads(1);
    int info =
        openblas.LAPACKE_sgesdd(
            ROW_MAJOR, (byte) 'S', rows, columns, matrix, columns, singular, u, least, vt, columns);
    if (info != 0) {
      throw new IllegalStateException(
          "Cannot decompose a gradient [" + rows + ", " + columns + "]: LAPACK says " + info);
    }
    float[] left = new float[rows * rank];
    float[] right = new float[rank * columns];
    for (int k = 0; k < rank; k++) {
      float leftSign = sign(u, k, least, rows);
      for (int i = 0; i < rows; i++) {
        left[i * rank + k] = leftSign * u[i * least + k];
      }
      float rightSign = sign(vt, k * columns, 1, columns);
      for (int j = 0; j < columns; j++) {
        right[k * columns + j] = rightSign * vt[k * columns + j];
      }
    }
    return new SingularVectors(left, right);
  }

  private static float sign(float[] values, int from, int stride, int count) {
    float largest = 0;
    for (int i = 0; i < count; i++) {
      float value = values[from + i * stride];
      if (Math.abs(value) > Math.abs(largest)) {
        largest = value;
      }
    }
    return largest < 0 ? -1 : 1;
  }
}
