package org.peftsweep.compute.cpu;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.openblas.global.openblas;
import org.peftsweep.compute.Tensor;

/**
 * Matrix products through OpenBLAS, on raw addresses with leading dimensions.
 *
 * <p>OpenBLAS itself runs one thread; more threads come from cutting C into blocks that the workers
 * compute by calls of their own, so that no two trials meet in its locks.
 */
final class Blas {
  private static final int ROW_MAJOR = 101;
  private static final int PLAIN = 111;
  private static final int TRANSPOSED = 112;

  /** Multiply–adds that are worth a hand-over between threads. */
  private static final long WORTH_SPLITTING = 1 << 19;

  /**
   * Multiply–adds up to which OpenBLAS multiplies without packing its operands; packing a large
   * operand of a skinny product, as low-rank updates are, takes longer than the product.
   */
  private static final long UNPACKED = 1_000_000;

  private static final int SKINNY = 32;

  /** A pointer that is aimed anew for every call, so that calls make no garbage. */
  private static final class Aim extends FloatPointer {
    Aim() {
      super((Pointer) null);
    }

    Aim at(long place) {
      address = place;
      return this;
    }
  }

  /** One thread's access to sgemm. */
  static final class Caller {
    private final Aim a = new Aim();
    private final Aim b = new Aim();
    private final Aim c = new Aim();

    /** The same as {@link #gemm}, a skinny product in blocks of its longest extent. */
    private void gemmInBlocks(
        boolean transposeA,
        boolean transposeB,
        int m,
        int n,
        int k,
        float alpha,
        long addressA,
        int strideA,
        long addressB,
        int strideB,
        float beta,
        long addressC,
        int strideC) {
      int longest = Math.max(m, Math.max(n, k));
      int block = Math.min(m, n) > SKINNY ? longest : block(longest, (long) m * n * k);
      boolean byM = longest == m;
      boolean byN = !byM && longest == n;
      boolean byK = !byM && !byN;
      for (int from = 0; from < longest; from += block) {
        int size = Math.min(block, longest - from);
        long along = (long) from * Float.BYTES;
        long shiftA = byN ? 0 : byM == transposeA ? along : along * strideA;
        long shiftB = byM ? 0 : byN == transposeB ? along * strideB : along;
        long shiftC = byK ? 0 : byN ? along : along * strideC;
        gemm(
            transposeA,
            transposeB,
            byM ? size : m,
            byN ? size : n,
            byK ? size : k,
            alpha,
            addressA + shiftA,
            strideA,
            addressB + shiftB,
            strideB,
            byK && from > 0 ? 1 : beta,
            addressC + shiftC,
            strideC);
      }
    }

    private static int block(int longest, long work) {
      long unpacked = UNPACKED * longest / Math.max(1, work) / 16 * 16;
      return (int) Math.max(16, Math.min(longest, unpacked));
    }

    /**
     * {@code c ← alpha·op(a)·op(b) + beta·c}, row-major; c is {@code [m, n]}, the inner size k; the
     * strides are the distances of rows as stored.
     */
    void gemm(
        boolean transposeA,
        boolean transposeB,
        int m,
        int n,
        int k,
        float alpha,
        long addressA,
        int strideA,
        long addressB,
        int strideB,
        float beta,
        long addressC,
        int strideC) {
      openblas.cblas_sgemm(
          ROW_MAJOR,
          transposeA ? TRANSPOSED : PLAIN,
          transposeB ? TRANSPOSED : PLAIN,
          m,
          n,
          k,
          alpha,
          a.at(addressA),
          strideA,
          b.at(addressB),
          strideB,
          beta,
          c.at(addressC),
          strideC);
    }
  }

  private final Workers workers;
  private final Caller[] callers;

  Blas(Workers workers) {
    this.workers = workers;
    this.callers = new Caller[workers.count()];
    for (int i = 0; i < callers.length; i++) {
      callers[i] = new Caller();
    }
    openblas.blas_set_num_threads(1);
  }

  /** Whether OpenBLAS packs the operands of a product: its kernels for others sum otherwise. */
  static boolean isPacked(int m, int n, int k) {
    return Math.min(m, n) > SKINNY && (long) m * n * k > UNPACKED;
  }

  /**
   * Whether the kernels that OpenBLAS chose for this processor add up a row of a packed product in
   * one way, however many rows there are: some treat the last rows of a product otherwise.
   */
  static boolean areRowsAlike() {
    return Probe.ALIKE;
  }

  /** Multiplies once, when first asked, all rows of a matrix and then some of them. */
  private static final class Probe {
    private static final int ROWS = 301;
    private static final int INNER = 512;
    private static final int COLUMNS = 136;
    private static final boolean ALIKE = isAlike(false) && isAlike(true);

    private static boolean isAlike(boolean transposeB) {
      try (FloatPointer x = drawn(ROWS * INNER);
          FloatPointer w = drawn(INNER * COLUMNS);
          FloatPointer all = new FloatPointer((long) ROWS * COLUMNS);
          FloatPointer some = new FloatPointer((long) ROWS * COLUMNS)) {
        product(transposeB, ROWS, x.address(), w, all);
        float[] expected = new float[ROWS * COLUMNS];
        all.get(expected);
        for (int[] part : new int[][] {{0, 64}, {7, 100}, {40, 261}, {150, 151}}) {
          float[] values = new float[part[1] * COLUMNS];
          long from = x.address() + (long) part[0] * INNER * Float.BYTES;
          product(transposeB, part[1], from, w, some);
          some.get(values);
          int start = part[0] * COLUMNS;
          if (!Arrays.equals(expected, start, start + values.length, values, 0, values.length)) {
            return false;
          }
        }
        return true;
      }
    }

    private static void product(
        boolean transposeB, int rows, long x, FloatPointer w, FloatPointer y) {
      int strideB = transposeB ? INNER : COLUMNS;
      new Caller()
          .gemm(
              false,
              transposeB,
              rows,
              COLUMNS,
              INNER,
              1,
              x,
              INNER,
              w.address(),
              strideB,
              0,
              y.address(),
              COLUMNS);
    }

    private static FloatPointer drawn(int count) {
      SplittableRandom random = new SplittableRandom(count);
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = (float) (random.nextDouble() - 0.5);
      }
      return new FloatPointer(values);
    }
  }

  Caller caller(int worker) {
    return callers[worker];
  }

  /**
   * {@code c ← alpha·op(a)·op(b) + beta·c}; with a start {@code [columns]}, every row of c is set
   * to it first and beta counts as 1.
   */
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
    boolean byRows = m >= n || m >= 512;
    int extent = byRows ? m : n;
    int grain = grain(extent, (long) m * n * k);
    float scale = start == null ? beta : 1;
    workers.split(
        extent,
        grain,
        (worker, from, to) -> {
          int size = (int) (to - from);
          long rowC = byRows ? from : 0;
          long columnC = byRows ? 0 : from;
          if (start != null) {
            Rows.spread(start, c, rowC, columnC, byRows ? size : m, byRows ? n : size);
          }
          long shiftA = transposeA ? rowC : rowC * a.columns();
          long shiftB = transposeB ? columnC * b.columns() : columnC;
          callers[worker].gemmInBlocks(
              transposeA,
              transposeB,
              byRows ? size : m,
              byRows ? n : size,
              k,
              alpha,
              HostMemory.address(a, shiftA),
              Math.max(1, a.columns()),
              HostMemory.address(b, shiftB),
              Math.max(1, b.columns()),
              scale,
              HostMemory.address(c, rowC * n + columnC),
              n);
        });
  }

  private int grain(int extent, long work) {
    if (workers.count() == 1 || work < WORTH_SPLITTING) {
      return extent;
    }
    // No more parts than threads: every part packs the other operand anew.
    int each = (extent + workers.count() - 1) / workers.count();
    return Math.max(16, (each + 15) / 16 * 16);
  }
}
