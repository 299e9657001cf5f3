package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.HostMemory.address;

import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.Tensor;

/**
 * Products with a right-hand matrix of fewer bits: stretches of it are widened into scratch memory
 * that stays in cache, and multiplied as 32-bit floats.
 *
 * <p>Every element of the result is one inner product over the whole inner size. What is widened
 * together depends on the matrix and the number of threads, never on the rows of the left side: a
 * row's result is the same in every batch, as far as OpenBLAS adds up alike, which it does but for
 * products of a few rows.
 */
final class Panels {
  /**
   * Widened elements that one product works on: 4 MB. Smaller ones have the left side packed anew.
   */
  static final int ELEMENTS = 1 << 20;

  /** Elements that are worth a hand-over between threads. */
  private static final long WORTH_SPLITTING = 1 << 12;

  /** Floats of a cache line, of which panels are multiples. */
  private static final int LINE = 16;

  /** Writes neighbouring elements of a matrix as 32-bit floats to a place in memory. */
  private interface Widening {
    void run(long from, int count, HostMemory to, long index);
  }

  private final Workers workers;
  private final Blas blas;
  private final Scratch scratch;

  Panels(Workers workers, Blas blas, Scratch scratch) {
    this.workers = workers;
    this.blas = blas;
    this.scratch = scratch;
  }

  /** The same as {@link Blas#gemm} where b has 16-bit elements. */
  void gemm(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c,
      Tensor start) {
    multiply(
        transposeA,
        transposeB,
        alpha,
        a,
        (from, count, to, index) -> Halves.widen(b, from, count, to, index),
        beta,
        c,
        start);
  }

  /** {@code c ← a·op(w) + beta·c}. */
  void gemm(boolean transposeW, Tensor a, QuantisedMatrix w, float beta, Tensor c) {
    multiply(
        false,
        transposeW,
        1,
        a,
        (from, count, to, index) -> Quantised.widen(w, from, count, to, index),
        beta,
        c,
        null);
  }

  private void multiply(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Widening b,
      float beta,
      Tensor c,
      Tensor start) {
    int m = c.rows();
    int n = c.columns();
    int k = transposeA ? a.rows() : a.columns();
    if (m == 0 || n == 0) {
      return;
    }
    workers.split(
        n,
        width(n, k, workers.count(), ELEMENTS),
        (worker, from, to) -> {
          int size = (int) (to - from);
          int stride = transposeB ? k : roundUp(size);
          HostMemory wide = scratch.of(worker, (long) (transposeB ? size : k) * stride);
          if (transposeB) {
            b.run(from * k, size * k, wide, 0);
          } else {
            for (int row = 0; row < k; row++) {
              b.run((long) row * n + from, size, wide, (long) row * stride);
            }
          }
          if (start != null) {
            Rows.spread(start, c, 0, from, m, size);
          }
          blas.caller(worker)
              .gemm(
                  transposeA,
                  transposeB,
                  m,
                  size,
                  k,
                  alpha,
                  address(a, 0),
                  Math.max(1, a.columns()),
                  wide.address(0),
                  Math.max(1, stride),
                  start == null ? beta : 1,
                  address(c, from),
                  n);
        });
  }

  /**
   * Returns how many columns of a result are computed at a time.
   *
   * @param threads that share the work
   * @param elements of the right-hand matrix that a thread has room for
   */
  static int width(int n, int k, int threads, int elements) {
    int fits = Math.max(LINE, elements / Math.max(1, k) / LINE * LINE);
    int parts = (n + fits - 1) / fits;
    if ((long) n * k >= WORTH_SPLITTING) {
      // As many for each thread.
      parts = (parts + threads - 1) / threads * threads;
    }
    return roundUp((n + parts - 1) / parts);
  }

  private static int roundUp(int size) {
    return (size + LINE - 1) / LINE * LINE;
  }
}
