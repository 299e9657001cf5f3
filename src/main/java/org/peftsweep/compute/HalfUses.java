package org.peftsweep.compute;

/** How {@link KernelCheck} uses activations whose values are stored as halves. */
final class HalfUses {
  private static final int ROWS = 67;

  /** The last four columns of a row are not all there. */
  private static final int[] COLUMNS = {260, 37};

  private HalfUses() {}

  static void geluToHalves(KernelBench bench, Backend on) {
    for (int columns : COLUMNS) {
      for (Tensor bias : new Tensor[] {bench.normal(columns), null}) {
        Tensor kept = bench.half(ROWS, columns);
        Tensor y = bench.half(ROWS, columns);
        on.geluToHalves(bench.normal(ROWS, columns), bias, kept, y);
        bench.result(kept, y);
        on.geluToHalves(bench.normal(ROWS, columns), bias, null, y);
        bench.result(y);
      }
    }
  }

  static void geluBackwardOfHalves(KernelBench bench, Backend on) {
    for (int columns : COLUMNS) {
      Tensor dx = bench.half(ROWS, columns);
      Tensor dy = bench.normal(ROWS, columns);
      on.geluBackwardOfHalves(bench.half(ROWS, columns), bench.normal(columns), dy, dx);
      bench.result(dx);
    }
  }

  static void swigluToHalves(KernelBench bench, Backend on) {
    for (int columns : COLUMNS) {
      Tensor gate = bench.half(ROWS, columns);
      Tensor up = bench.half(ROWS, columns);
      Tensor y = bench.half(ROWS, columns);
      on.swigluToHalves(bench.normal(ROWS, columns), bench.normal(ROWS, columns), gate, up, y);
      bench.result(gate, up, y);
      on.swigluToHalves(bench.normal(ROWS, columns), bench.normal(ROWS, columns), null, null, y);
      bench.result(y);
    }
  }

  static void swigluBackwardOfHalves(KernelBench bench, Backend on) {
    for (int columns : COLUMNS) {
      Tensor dGate = bench.half(ROWS, columns);
      Tensor dUp = bench.half(ROWS, columns);
      Tensor gate = bench.half(ROWS, columns);
      Tensor dy = bench.normal(ROWS, columns);
      on.swigluBackwardOfHalves(gate, bench.half(ROWS, columns), dy, dGate, dUp);
      bench.result(dGate, dUp);
    }
  }
}
