package org.peftsweep.compute;

/** How {@link KernelCheck} uses products. */
final class ProductUses {
  private static final int ROWS = 67;
  private static final int COLUMNS = 260;
  private static final int INNER = 132;

  private static final float P = 0.3f;

  /** Of adapters. */
  private static final int RANK = 9;

  private ProductUses() {}

  static void gemm(KernelBench bench, Backend on) {
    for (int bits = 0; bits < 8; bits++) {
      gemm(bench, on, bits, ROWS, COLUMNS, INNER);
    }
    for (int bits = 0; bits < 4; bits++) {
      gemm(bench, on, bits, ROWS, RANK, INNER);
      gemm(bench, on, bits, RANK, COLUMNS, ROWS);
      gemm(bench, on, bits, ROWS, COLUMNS, RANK);
    }
    Tensor a = bench.normal(ROWS, INNER);
    for (QuantisedMatrix weight : bench.quantised(INNER, COLUMNS)) {
      Tensor c = bench.normal(ROWS, COLUMNS);
      on.gemm(false, a, weight, 0.5f, c);
      bench.result(c);
    }
  }

  /**
   * Multiplies matrices.
   *
   * @param bits 1 for a transposed first factor, 2 for a transposed second one, 4 for one of 16
   *     bits
   */
  private static void gemm(KernelBench bench, Backend on, int bits, int m, int n, int k) {
    boolean ta = (bits & 1) != 0;
    boolean tb = (bits & 2) != 0;
    Tensor a = ta ? bench.normal(k, m) : bench.normal(m, k);
    int[] shape = tb ? new int[] {n, k} : new int[] {k, n};
    Tensor b = bits < 4 ? bench.normal(shape) : bench.half(shape);
    Tensor c = bench.normal(m, n);
    on.gemm(ta, tb, 0.5f, a, b, 0.3f, c);
    bench.result(c);
  }

  static void gemmOfDropped(KernelBench bench, Backend on) {
    Tensor seed = bench.seed();
    for (float beta : new float[] {0, 0.3f}) {
      for (boolean transposed : new boolean[] {false, true}) {
        Tensor down = transposed ? bench.normal(RANK, INNER) : bench.normal(INNER, RANK);
        Tensor inner = bench.normal(ROWS, RANK);
        Tensor x = bench.normal(ROWS, INNER);
        on.gemmOfDropped(Dropped.LEFT, P, seed, transposed, 0.5f, x, down, beta, inner);
        Tensor up = transposed ? bench.normal(COLUMNS, RANK) : bench.normal(RANK, COLUMNS);
        Tensor y = bench.normal(ROWS, COLUMNS);
        on.gemmOfDropped(Dropped.RESULT, P, seed, transposed, 0.5f, inner, up, beta, y);
        bench.result(inner, y);
      }
      for (int rank : new int[] {RANK, COLUMNS}) {
        Tensor gradient = bench.normal(rank, RANK);
        Tensor dInner = bench.normal(ROWS, rank);
        Tensor x = bench.normal(ROWS, RANK);
        on.gemmOfDropped(Dropped.RIGHT, P, seed, false, 0.5f, dInner, x, beta, gradient);
        bench.result(gradient);
      }
    }
  }

  static void linear(KernelBench bench, Backend on) {
    Tensor x = bench.normal(ROWS, INNER);
    Tensor w = bench.normal(COLUMNS, INNER);
    Tensor bias = bench.normal(COLUMNS);
    Tensor y = bench.normal(ROWS, COLUMNS);
    on.linear(x, w, bias, y);
    bench.result(y);
    on.linear(x, w, new Tensor[] {null, bias}, Lanes.of(30, ROWS - 30), y);
    bench.result(y);
    for (QuantisedMatrix weight : bench.quantised(COLUMNS, INNER)) {
      on.linear(x, weight, new Tensor[] {null, bias}, Lanes.of(30, ROWS - 30), y);
      bench.result(y);
    }
  }
}
