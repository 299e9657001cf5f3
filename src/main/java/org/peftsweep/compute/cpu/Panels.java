package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.HostMemory.address;

import org.peftsweep.compute.Tensor;

/**
 * Products with a right-hand matrix of 16-bit elements: stretches of it are widened into scratch
 * memory that stays in cache, and multiplied as 32-bit floats.
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
  private static final int ELEMENTS = 1 << 20;

  /** Elements that are worth a hand-over between threads. */
  private static final long WORTH_SPLITTING = 1 << 12;

  /** Floats of a cache line, of which panels are multiples. */
  private static final int LINE = 16;

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
    int m = c.rows();
    int n = c.columns();
    int k = transposeA ? a.rows() : a.columns();
    if (m == 0 || n == 0) {
      return;
    }
    workers.split(
        n,
        width(n, k),
        (worker, from, to) -> {
          int size = (int) (to - from);
          int stride = transposeB ? k : roundUp(size);
          HostMemory wide = scratch.of(worker, (long) (transposeB ? size : k) * stride);
          if (transposeB) {
            Halves.widen(b, from * k, size * k, wide, 0);
          } else {
            for (int row = 0; row < k; row++) {
              Halves.widen(b, (long) row * n + from, size, wide, (long) row * stride);
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

  /** Returns how many columns of the result are computed at a time. */
  private int width(int n, int k) {
    int fits = Math.max(LINE, ELEMENTS / Math.max(1, k) / LINE * LINE);
    int parts = (n + fits - 1) / fits;
    if ((long) n * k >= WORTH_SPLITTING) {
      // As many for each thread.
      parts = (parts + workers.count() - 1) / workers.count() * workers.count();
    }
    return roundUp((n + parts - 1) / parts);
  }

  private static int roundUp(int size) {
    return (size + LINE - 1) / LINE * LINE;
  }
}
