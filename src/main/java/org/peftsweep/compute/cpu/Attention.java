package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.HostMemory.at;
import static org.peftsweep.compute.cpu.HostMemory.buffer;

import java.nio.ByteBuffer;
import org.peftsweep.compute.AttentionShape;
import org.peftsweep.compute.Tensor;

/**
 * Softmax attention, one key head of one sequence at a time, its queries in blocks whose scores
 * stay in the second-level cache. Weights are computed again on the way back, from the logarithm of
 * their sum.
 */
final class Attention {
  /** Scores of one block: 256 KB. */
  private static final int BLOCK_FLOATS = 1 << 16;

  private final AttentionShape shape;
  private final Visibility visibility;
  private final Tensor q;
  private final Tensor k;
  private final Tensor v;
  private final Tensor out;
  private final Tensor logSum;
  private final Blas blas;
  private final Scratch scratch;
  private final int width;
  private final int queryStride;
  private final int keyStride;
  private final int stride;
  private final int block;

  Attention(
      AttentionShape shape,
      Tensor q,
      Tensor k,
      Tensor v,
      int[] mask,
      Tensor out,
      Tensor logSum,
      Blas blas,
      Scratch scratch) {
    this.shape = shape;
    this.visibility = new Visibility(shape, mask);
    this.q = q;
    this.k = k;
    this.v = v;
    this.out = out;
    this.logSum = logSum;
    this.blas = blas;
    this.scratch = scratch;
    this.width = shape.headWidth();
    this.queryStride = shape.heads() * width;
    this.keyStride = shape.keyHeads() * width;
    this.stride = (shape.tokens() + 15) / 16 * 16;
    this.block = Math.min(shape.tokens(), Math.max(16, BLOCK_FLOATS / stride / 16 * 16));
  }

  /** Returns the number of units of work: key heads of all sequences. */
  int units() {
    return shape.batch() * shape.keyHeads();
  }

  private long queryIndex(int b, int head, int token) {
    return ((long) b * shape.tokens() + token) * queryStride + (long) head * width;
  }

  private long keyIndex(int b, int keyHead) {
    return (long) b * shape.tokens() * keyStride + (long) keyHead * width;
  }

  private int dropoutIndex(int b, int head, int query) {
    return ((b * shape.heads() + head) * shape.tokens() + query) * shape.tokens();
  }

  private int group() {
    return shape.heads() / shape.keyHeads();
  }

  // ---- forwards

  void forward(int worker, long unit) {
    int b = (int) (unit / shape.keyHeads());
    int keyHead = (int) (unit % shape.keyHeads());
    HostMemory scores = scratch.of(worker, (long) block * stride);
    for (int head = keyHead * group(); head < (keyHead + 1) * group(); head++) {
      for (int from = 0; from < shape.tokens(); from += block) {
        int to = Math.min(shape.tokens(), from + block);
        forwardBlock(blas.caller(worker), scores, b, head, keyHead, from, to);
      }
    }
  }

  private void forwardBlock(
      Blas.Caller caller, HostMemory scores, int b, int head, int keyHead, int from, int to) {
    int keys = visibility.mostKeys(b, from, to);
    scores(caller, scores, b, head, keyHead, from, to, keys);
    ByteBuffer s = scores.window(0);
    for (int i = from; i < to; i++) {
      weigh(s, (i - from) * stride * Float.BYTES, b, head, i, keys);
    }
    long target = queryIndex(b, head, from);
    caller.gemm(
        false,
        false,
        to - from,
        width,
        keys,
        1,
        scores.address(0),
        stride,
        HostMemory.address(v, keyIndex(b, keyHead)),
        keyStride,
        0,
        HostMemory.address(out, target),
        queryStride);
  }

  /** {@code scores ← q·kᵀ}, hidden keys −∞. */
  private void scores(
      Blas.Caller caller,
      HostMemory scores,
      int b,
      int head,
      int keyHead,
      int from,
      int to,
      int keys) {
    caller.gemm(
        false,
        true,
        to - from,
        keys,
        width,
        1,
        HostMemory.address(q, queryIndex(b, head, from)),
        queryStride,
        HostMemory.address(k, keyIndex(b, keyHead)),
        keyStride,
        0,
        scores.address(0),
        stride);
    if (visibility.hasHoles(b)) {
      ByteBuffer s = scores.window(0);
      for (int j = 0; j < keys; j++) {
        if (visibility.isMasked(b, j)) {
          for (int i = 0; i < to - from; i++) {
            s.putFloat((i * stride + j) * Float.BYTES, Float.NEGATIVE_INFINITY);
          }
        }
      }
    }
  }

  /** Turns a row of scores into weights that add up to 1, or to 1/(1 − p) before dropping. */
  private void weigh(ByteBuffer s, int sAt, int b, int head, int query, int mostKeys) {
    int keys = visibility.keys(b, query);
    float sum;
    double log;
    if (visibility.isBlind(b, query)) {
      Elementwise.fill(1, s, sAt, keys);
      sum = keys;
      log = Math.log(sum);
    } else {
      float shift = Softmax.max(s, sAt, keys) * shape.scale();
      sum = Softmax.exponentials(s, sAt, keys, shape.scale(), shift);
      log = shift + Math.log(sum);
    }
    clearBeyond(s, sAt, keys, mostKeys);
    long row = (long) (b * shape.heads() + head) * shape.tokens() + query;
    buffer(logSum, row).putFloat(at(logSum, row), (float) log);
    if (shape.dropout() > 0) {
      Softmax.drop(s, sAt, keys, dropoutIndex(b, head, query), shape.dropout(), shape.seed());
    }
    Elementwise.scale(1 / (sum * (1 - shape.dropout())), s, sAt, s, sAt, keys);
  }

  private void clearBeyond(ByteBuffer s, int sAt, int keys, int mostKeys) {
    if (keys < mostKeys) {
      Elementwise.fill(0, s, sAt + keys * Float.BYTES, mostKeys - keys);
    }
  }

  // ---- back

  void backward(int worker, long unit, Tensor dOut, Tensor dq, Tensor dk, Tensor dv) {
    int b = (int) (unit / shape.keyHeads());
    int keyHead = (int) (unit % shape.keyHeads());
    HostMemory memory = scratch.of(worker, 2L * block * stride);
    clearKeyGradient(dk, b, keyHead);
    clearKeyGradient(dv, b, keyHead);
    for (int head = keyHead * group(); head < (keyHead + 1) * group(); head++) {
      for (int from = 0; from < shape.tokens(); from += block) {
        int to = Math.min(shape.tokens(), from + block);
        backwardBlock(blas.caller(worker), memory, b, head, keyHead, from, to, dOut, dq, dk, dv);
      }
    }
  }

  private void clearKeyGradient(Tensor gradient, int b, int keyHead) {
    if (gradient != null) {
      for (int j = 0; j < shape.tokens(); j++) {
        long row = keyIndex(b, keyHead) + (long) j * keyStride;
        Elementwise.fill(0, buffer(gradient, row), at(gradient, row), width);
      }
    }
  }

  private void backwardBlock(
      Blas.Caller caller,
      HostMemory memory,
      int b,
      int head,
      int keyHead,
      int from,
      int to,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    int keys = visibility.mostKeys(b, from, to);
    int rows = to - from;
    long queries = queryIndex(b, head, from);
    long firstKey = keyIndex(b, keyHead);
    long weights = memory.address(0);
    long slopes = memory.address((long) block * stride);
    scores(caller, memory, b, head, keyHead, from, to, keys);
    caller.gemm(
        false,
        true,
        rows,
        keys,
        width,
        1,
        HostMemory.address(dOut, queries),
        queryStride,
        HostMemory.address(v, firstKey),
        keyStride,
        0,
        slopes,
        stride);
    for (int i = from; i < to; i++) {
      slope(memory.window(0), i - from, b, head, i, keys, dOut);
    }
    if (dv != null) {
      caller.gemm(
          true,
          false,
          keys,
          width,
          rows,
          1,
          weights,
          stride,
          HostMemory.address(dOut, queries),
          queryStride,
          1,
          HostMemory.address(dv, firstKey),
          keyStride);
    }
    if (dq != null) {
      caller.gemm(
          false,
          false,
          rows,
          width,
          keys,
          1,
          slopes,
          stride,
          HostMemory.address(k, firstKey),
          keyStride,
          0,
          HostMemory.address(dq, queries),
          queryStride);
    }
    if (dk != null) {
      caller.gemm(
          true,
          false,
          keys,
          width,
          rows,
          1,
          slopes,
          stride,
          HostMemory.address(q, queries),
          queryStride,
          1,
          HostMemory.address(dk, firstKey),
          keyStride);
    }
  }

  /** Turns one row of scores into weights, and of weight gradients into score gradients. */
  private void slope(
      ByteBuffer memory, int row, int b, int head, int query, int mostKeys, Tensor dOut) {
    int sAt = row * stride * Float.BYTES;
    int dsAt = (block + row) * stride * Float.BYTES;
    int keys = visibility.keys(b, query);
    if (visibility.isBlind(b, query)) {
      Elementwise.fill(1f / keys, memory, sAt, keys);
    } else {
      long place = (long) (b * shape.heads() + head) * shape.tokens() + query;
      float log = buffer(logSum, place).getFloat(at(logSum, place));
      Softmax.exponentials(memory, sAt, keys, shape.scale(), log);
    }
    long outRow = queryIndex(b, head, query);
    float dot =
        Reductions.dot(
            buffer(out, outRow), at(out, outRow), buffer(dOut, outRow), at(dOut, outRow), width);
    if (shape.dropout() > 0) {
      Softmax.backwardDropped(
          memory,
          sAt,
          memory,
          dsAt,
          keys,
          dot,
          shape.scale(),
          dropoutIndex(b, head, query),
          shape.dropout(),
          shape.seed());
    } else {
      Softmax.backward(memory, sAt, memory, dsAt, keys, dot, shape.scale());
    }
    clearBeyond(memory, sAt, keys, mostKeys);
    clearBeyond(memory, dsAt, keys, mostKeys);
  }
}
