package org.peftsweep.compute;

import org.bytedeco.openblas.global.openblas;

/**
 * Factorisations of small dense matrices on the host, row-major and in double precision, through
 * LAPACK on one thread.
 *
 * <p>Results are the same in every run on one kind of processor. A 768×768 matrix takes a few
 * tenths of a second.
 */
public final class Lapack {
  private static final int ROW_MAJOR = 101;
  private static final int PLAIN = 111;
  private static final int TRANSPOSED = 112;
  private static final byte THIN = 'S';

  /**
   * {@code a [m, n] = u·diag(sigma)·vt} with {@code k = min(m, n)}.
   *
   * @param u {@code [m, k]}, orthonormal columns
   * @param sigma {@code [k]}, descending
   * @param vt {@code [k, n]}, orthonormal rows, each with its entry of largest magnitude (the first
   *     of equals) positive, which settles the signs
   */
  public record Svd(double[] u, double[] sigma, double[] vt) {}

  private Lapack() {}

  /** Returns the thin singular value decomposition of {@code a [m, n]}; a is overwritten. */
  public static Svd svd(double[] a, int m, int n) {
    int k = Math.min(m, n);
    double[] u = new double[m * k];
    double[] sigma = new double[k];
    double[] vt = new double[k * n];
    openblas.blas_set_num_threads(1);
    require(openblas.LAPACKE_dgesdd(ROW_MAJOR, THIN, m, n, a, n, sigma, u, k, vt, n), m, n);
    for (int i = 0; i < k; i++) {
      if (peak(vt, i * n, n) < 0) {
        for (int j = 0; j < n; j++) {
          vt[i * n + j] = -vt[i * n + j];
        }
        for (int j = 0; j < m; j++) {
          u[j * k + i] = -u[j * k + i];
        }
      }
    }
    return new Svd(u, sigma, vt);
  }

  /**
   * Returns the orthonormal factor {@code q [m, n]} of {@code a = q·r}, n at most m, with the signs
   * of Householder's reflections; a is overwritten.
   */
  public static double[] orthonormal(double[] a, int m, int n) {
    double[] scales = new double[n];
    openblas.blas_set_num_threads(1);
    require(openblas.LAPACKE_dgeqrf(ROW_MAJOR, m, n, a, n, scales), m, n);
    require(openblas.LAPACKE_dorgqr(ROW_MAJOR, m, n, n, a, n, scales), m, n);
    return a;
  }

  /** Returns {@code op(a)·b [m, n]} over the inner size k, with op the transpose where asked. */
  public static double[] product(boolean transposeA, double[] a, double[] b, int m, int n, int k) {
    double[] c = new double[m * n];
    openblas.blas_set_num_threads(1);
    openblas.cblas_dgemm(
        ROW_MAJOR,
        transposeA ? TRANSPOSED : PLAIN,
        PLAIN,
        m,
        n,
        k,
        1.0,
        a,
        transposeA ? m : k,
        b,
        n,
        0.0,
        c,
        n);
    return c;
  }

  private static double peak(double[] values, int from, int count) {
    double peak = 0;
    for (int i = from; i < from + count; i++) {
      if (Math.abs(values[i]) > Math.abs(peak)) {
        peak = values[i];
      }
    }
    return peak;
  }

  private static void require(int info, int m, int n) {
    if (info != 0) {
      throw new ArithmeticException(
          "Cannot factorise a matrix [" + m + ", " + n + "]: LAPACK reports " + info);
    }
  }
}
