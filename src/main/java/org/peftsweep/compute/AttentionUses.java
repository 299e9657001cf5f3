package org.peftsweep.compute;

import java.util.List;

/** How {@link KernelCheck} uses the kernels of attention. */
final class AttentionUses {
  private static final AttentionShape SHAPE = new AttentionShape(3, 70, 70, 4, 2, 36, false, 0.1f);
  private static final AttentionShape CAUSAL = new AttentionShape(2, 130, 4, 4, 64, true, 0);

  private AttentionUses() {}

  static void attention(KernelBench bench, Backend on, ElementType factors) {
    all(bench, on, factors, false);
  }

  static void backward(KernelBench bench, Backend on, ElementType factors) {
    all(bench, on, factors, true);
  }

  private static void all(KernelBench bench, Backend on, ElementType factors, boolean isBack) {
    for (AttentionShape each : List.of(SHAPE, CAUSAL)) {
      AttentionShape shape = each.withFactors(factors);
      attention(bench, on, shape, isBack);
      shiftedAttention(bench, on, shape.withCap(1.5f), isBack);
    }
  }

  /** Scores with a cap and a bias of examples, heads, or all alike. */
  private static void shiftedAttention(
      KernelBench bench, Backend on, AttentionShape s, boolean isBack) {
    for (int groups : new int[] {1, s.heads(), s.heads() * s.batch()}) {
      int rows = s.batch() * s.tokens();
      int width = s.heads() * s.headWidth();
      int keyWidth = s.keyHeads() * s.headWidth();
      Tensor q = bench.normal(rows, width);
      Tensor k = bench.normal(rows, keyWidth);
      Tensor v = bench.normal(rows, keyWidth);
      Tensor mask = bench.ints(rows, 0, 2);
      Tensor bias = bench.normal(groups * s.queries(), s.tokens());
      Tensor seed = bench.seed();
      Tensor out = bench.normal(rows, width);
      Tensor logSum = bench.normal(s.batch() * s.heads(), s.queries());
      on.attention(s, q, k, v, mask, seed, bias, out, logSum);
      if (isBack) {
        Tensor dOut = bench.normal(rows, width);
        Tensor dq = bench.normal(rows, width);
        Tensor dk = bench.normal(rows, keyWidth);
        Tensor dBias = bench.normal(s.heads() * s.batch() * s.queries(), s.tokens());
        on.attentionBackward(s, q, k, v, mask, seed, bias, out, logSum, dOut, dq, dk, null, dBias);
        bench.result(dq, dk, dBias);
      } else {
        bench.result(out, logSum);
      }
    }
  }

  private static void attention(KernelBench bench, Backend on, AttentionShape s, boolean isBack) {
    int rows = s.batch() * s.tokens();
    int width = s.heads() * s.headWidth();
    int keyWidth = s.keyHeads() * s.headWidth();
    Tensor q = bench.normal(rows, width);
    Tensor k = bench.normal(rows, keyWidth);
    Tensor v = bench.normal(rows, keyWidth);
    Tensor mask = bench.ints(rows, 0, 2);
    Tensor seed = bench.seed();
    Tensor out = bench.normal(rows, width);
    Tensor logSum = bench.normal(s.batch() * s.heads(), s.queries());
    on.attention(s, q, k, v, mask, seed, out, logSum);
    if (isBack) {
      Tensor dOut = bench.normal(rows, width);
      Tensor dq = bench.normal(rows, width);
      Tensor dk = bench.normal(rows, keyWidth);
      Tensor dv = bench.normal(rows, keyWidth);
      on.attentionBackward(s, q, k, v, mask, seed, out, logSum, dOut, dq, dk, dv);
      bench.result(dq, dk, dv);
    } else {
      bench.result(out, logSum);
    }
  }
}
