package org.peftsweep.compute.nd4j;

import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Tensor;

/**
 * Attention by batched products over strided views, with the weights {@code [batch, heads, queries,
 * tokens]} in scratch memory.
 *
 * <p>The mask is added to the scores as a number so low that it swallows them; in a row that sees
 * nothing all sums are therefore equal, which makes it attend evenly.
 */
final class Attention {
  private static final float LOWEST = -1e30f;

  private static final int WEIGHTS = 0;
  private static final int GRADIENTS = 1;
  private static final int SMALL = 2;
  private static final int KEPT = 3;

  private final Activations activations;
  private final Views views;
  private float[] mask = {};

  Attention(Activations activations, Views views) {
    this.activations = activations;
    this.views = views;
  }

  void forward(
      AttentionShape s,
      Tensor q,
      Tensor k,
      Tensor v,
      int[] maskOfTokens,
      long seed,
      Tensor bias,
      Tensor out,
      Tensor sums) {
    softmax(s, q, k, maskOfTokens, bias, sums);
    if (s.dropout() > 0) {
      long size = size(s);
      INDArray kept = activations.keptFactors(KEPT, size, s.dropout(), seed);
      INDArray weights = views.scratch(WEIGHTS, size);
      Ops.multiply(weights, kept, weights);
    }
    for (int member = 0; member < groupSize(s); member++) {
      Ops.matmul(
          false, false, 1, matrix(s, WEIGHTS, member), keys(s, v), 0, queries(s, out, member));
    }
  }

  void backward(
      AttentionShape s,
      Tensor q,
      Tensor k,
      Tensor v,
      int[] maskOfTokens,
      long seed,
      Tensor bias,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dBias) {
    long size = size(s);
    long rows = size / s.tokens();
    softmax(s, q, k, maskOfTokens, bias, null);
    INDArray weights = views.scratch(WEIGHTS, size);
    INDArray kept = s.dropout() > 0 ? activations.keptFactors(KEPT, size, s.dropout(), seed) : null;
    INDArray gradients = views.scratch(GRADIENTS, size);
    if (dv != null) {
      int droppedOut = WEIGHTS;
      if (kept != null) {
        Ops.multiply(weights, kept, gradients);
        droppedOut = GRADIENTS;
      }
      for (int member = 0; member < groupSize(s); member++) {
        Ops.matmul(
            true,
            false,
            1,
            matrix(s, droppedOut, member),
            queries(s, dOut, member),
            member == 0 ? 0 : 1,
            keys(s, dv));
      }
    }
    if (dq == null && dk == null && dBias == null) {
      return;
    }
    for (int member = 0; member < groupSize(s); member++) {
      Ops.matmul(
          false, true, 1, queries(s, dOut, member), keys(s, v), 0, matrix(s, GRADIENTS, member));
    }
    if (kept != null) {
      Ops.multiply(gradients, kept, gradients);
    }
    // Softmax's gradient: w ⊙ (d − Σ w ⊙ d).
    INDArray product = views.scratch(KEPT, size);
    Ops.multiply(weights, gradients, product);
    INDArray dots = views.scratch(SMALL, rows, 1);
    Ops.matmul(
        false, false, 1, views.scratch(KEPT, rows, s.tokens()), views.ones(s.tokens(), 1), 0, dots);
    INDArray matrix = views.scratch(GRADIENTS, rows, s.tokens());
    Ops.subtract(matrix, dots, matrix);
    Ops.multiply(gradients, weights, gradients);
    if (dBias != null) {
      for (int b = 0; b < s.batch(); b++) {
        bias(s, dBias, s.heads() * s.batch(), b).assign(scores(s, GRADIENTS, b));
      }
    }
    if (s.cap() > 0) {
      capped(s, q, k, KEPT);
      Ops.multiply(product, product, product);
      Ops.multiply(product, gradients, product);
      Ops.axpy(-1, product, gradients);
    }
    for (int member = 0; member < groupSize(s); member++) {
      INDArray scores = matrix(s, GRADIENTS, member);
      if (dq != null) {
        Ops.matmul(false, false, s.scale(), scores, keys(s, k), 0, queries(s, dq, member));
      }
      if (dk != null) {
        Ops.matmul(
            true,
            false,
            s.scale(),
            scores,
            queries(s, q, member),
            member == 0 ? 0 : 1,
            keys(s, dk));
      }
    }
  }

  /**
   * Leaves the scaled scores in a slot, divided by their cap and through tanh where there is one.
   */
  private void capped(AttentionShape s, Tensor q, Tensor k, int slot) {
    views.scratch(slot, size(s));
    double factor = s.cap() > 0 ? s.scale() / s.cap() : s.scale();
    for (int member = 0; member < groupSize(s); member++) {
      Ops.matmul(
          false, true, factor, queries(s, q, member), keys(s, k), 0, matrix(s, slot, member));
    }
    if (s.cap() > 0) {
      INDArray scores = views.scratch(slot, size(s));
      Ops.tanh(scores, scores);
    }
  }

  /** Returns what one example's scores {@code [heads, queries, tokens]} have of a bias. */
  private INDArray bias(AttentionShape s, Tensor bias, int groups, int b) {
    long area = (long) s.queries() * s.tokens();
    boolean isOfExamples = groups > s.heads() || groups == s.heads() && s.batch() == 1;
    return views.strided(
        bias,
        isOfExamples ? b * area : 0,
        new long[] {groups == 1 ? 1 : s.heads(), s.queries(), s.tokens()},
        new long[] {isOfExamples ? s.batch() * area : area, s.tokens(), 1});
  }

  private INDArray scores(AttentionShape s, int slot, int b) {
    long area = (long) s.queries() * s.tokens();
    return views.scratchStrided(
        slot,
        b * s.heads() * area,
        new long[] {s.heads(), s.queries(), s.tokens()},
        new long[] {area, s.tokens(), 1});
  }

  /** Leaves the weights before dropout in their slot. */
  private void softmax(
      AttentionShape s, Tensor q, Tensor k, int[] maskOfTokens, Tensor bias, Tensor sums) {
    long size = size(s);
    long rows = size / s.tokens();
    INDArray weights = views.scratch(WEIGHTS, rows, s.tokens());
    capped(s, q, k, WEIGHTS);
    if (s.cap() > 0) {
      weights.muli(s.cap());
    }
    for (int b = 0; bias != null && b < s.batch(); b++) {
      INDArray own = scores(s, WEIGHTS, b);
      Ops.add(own, bias(s, bias, s.biasGroups(bias), b), own);
    }
    addMask(s, maskOfTokens);
    INDArray largest = views.scratch(SMALL, rows, 1);
    Ops.rowMaxima(weights, largest);
    Ops.subtract(weights, largest, weights);
    if (sums != null) {
      views.column(sums).assign(largest);
    }
    Ops.exp(weights, weights);
    INDArray denominators = largest;
    Ops.matmul(false, false, 1, weights, views.ones(s.tokens(), 1), 0, denominators);
    Ops.divide(weights, denominators, weights);
    if (sums != null) {
      Transforms.log(denominators, false);
      Ops.add(views.column(sums), denominators, views.column(sums));
    }
  }

  private void addMask(AttentionShape s, int[] maskOfTokens) {
    int tokens = s.tokens();
    int queryRows = s.causal() ? tokens : 1;
    int length = s.batch() * queryRows * tokens;
    if (mask.length < length) {
      mask = new float[length];
    }
    boolean hidesAny = false;
    for (int i = 0; i < length; i++) {
      int key = i % tokens;
      int query = i / tokens % queryRows;
      int sequence = i / (tokens * queryRows);
      int seen = maskOfTokens[sequence * tokens + key];
      boolean hidden = seen == 0;
      if (s.causal()) {
        int own = maskOfTokens[sequence * tokens + query];
        hidden |= key > query || own > 0 && seen > 0 && own != seen;
      }
      hidesAny |= hidden;
      mask[i] = hidden ? LOWEST : 0;
    }
    if (hidesAny) {
      views.scratch(SMALL, mask, length);
      INDArray hiding = views.scratch(SMALL, s.batch(), 1, queryRows, tokens);
      INDArray scores = views.scratch(WEIGHTS, s.batch(), s.heads(), s.queries(), tokens);
      Ops.add(scores, hiding, scores);
    }
  }

  private static int groupSize(AttentionShape s) {
    return s.heads() / s.keyHeads();
  }

  private static long size(AttentionShape s) {
    return (long) s.batch() * s.heads() * s.queries() * s.tokens();
  }

  /** Returns the query heads that are the {@code member}-th of their group. */
  private INDArray queries(AttentionShape s, Tensor x, int member) {
    long width = s.headWidth();
    long columns = s.heads() * width;
    return views.strided(
        x,
        member * width,
        new long[] {s.batch(), s.keyHeads(), s.queries(), width},
        new long[] {s.queries() * columns, groupSize(s) * width, columns, 1});
  }

  private INDArray keys(AttentionShape s, Tensor x) {
    long width = s.headWidth();
    long columns = s.keyHeads() * width;
    return views.strided(
        x,
        0,
        new long[] {s.batch(), s.keyHeads(), s.tokens(), width},
        new long[] {s.tokens() * columns, width, columns, 1});
  }

  private INDArray matrix(AttentionShape s, int slot, int member) {
    long tokens = s.tokens();
    long area = s.queries() * tokens;
    return views.scratchStrided(
        slot,
        member * area,
        new long[] {s.batch(), s.keyHeads(), s.queries(), tokens},
        new long[] {s.heads() * area, groupSize(s) * area, tokens, 1});
  }
}
