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
  /** Scores of one block: 32 KB. */
  private static final int BLOCK_FLOATS = 1 << 13;

  /** The scores of the queries {@code from} to {@code to} of one head; one for each worker. */
  private static final class Block {
    final HostMemory memory;
    final float[] peaks;
    final float[] sums;
    int b;
    int head;
    int from;
    int to;
    int keys;
    Tensor dOut;
    Tensor dBias;

    Block(HostMemory memory, int rows) {
      this.memory = memory;
      this.peaks = new float[rows];
      this.sums = new float[rows];
    }

    Block aim(int b, int head, int from, int to, int keys) {
      this.b = b;
      this.head = head;
      this.from = from;
      this.to = to;
      this.keys = keys;
      return this;
    }

    /** Returns where a query's scores start, in bytes. */
    int at(int query, int stride) {
      return (query - from) * stride * Float.BYTES;
    }
  }

  /**
   * One sweep over a block. The compiler must not inline several into each other, as that is too
   * much for its inlining of vectors; it does not while it cannot know which one comes: they are
   * called at one place only, out of an array.
   */
  private interface Pass {
    void run(Attention attention, Block rows);
  }

  private static final Pass CAP = Attention::cap;
  private static final Pass CAP_AGAIN = Attention::capAgain;
  private static final Pass SHIFT = Attention::shift;
  private static final Pass KEEP_SLOPES = Attention::keepSlopes;
  private static final Pass UNCAP = Attention::uncap;
  private static final Pass HIDE = Attention::hide;
  private static final Pass PEAK = Attention::peak;
  private static final Pass WEIGH = Attention::weigh;
  private static final Pass WEIGH_AGAIN = Attention::weighAgain;
  private static final Pass CLEAR = Attention::clear;
  private static final Pass DROP = Attention::drop;
  private static final Pass DIVIDE = Attention::divide;
  private static final Pass SLOPE = Attention::slope;
  private static final Pass DROP_SLOPES = Attention::dropSlopes;
  private static final Pass CLEAR_SLOPES = Attention::clearSlopes;

  private final AttentionShape shape;
  private final long seed;
  private final Visibility visibility;
  private final Tensor q;
  private final Tensor k;
  private final Tensor v;
  private final Tensor bias;
  private final int biasGroups;
  private final Tensor out;
  private final Tensor logSum;
  private final Blas blas;
  private final Block[] blocks;
  private final Pass[] toWeights;
  private final Pass[] toOutputs = {DIVIDE};
  private final Pass[] toSlopes;
  private final float scale;
  private final int width;
  private final int queryStride;
  private final int keyStride;
  private final int stride;
  private final int blockRows;

  Attention(
      AttentionShape shape,
      long seed,
      Tensor q,
      Tensor k,
      Tensor v,
      int[] mask,
      Tensor bias,
      Tensor out,
      Tensor logSum,
      Blas blas,
      Scratch scratch) {
    this.shape = shape;
    this.seed = seed;
    this.visibility = new Visibility(shape, mask);
    this.q = q;
    this.k = k;
    this.v = v;
    this.bias = bias;
    this.biasGroups = bias == null ? 0 : shape.biasGroups(bias);
    this.out = out;
    this.logSum = logSum;
    this.blas = blas;
    this.width = shape.headWidth();
    this.queryStride = shape.heads() * width;
    this.keyStride = shape.keyHeads() * width;
    this.stride = (shape.tokens() + 15) / 16 * 16;
    this.blockRows = Math.min(shape.queries(), Math.max(16, BLOCK_FLOATS / stride / 16 * 16));
    boolean isCapped = shape.cap() > 0;
    // What is done to scores before the softmax begins with their scale.
    this.scale = isCapped || bias != null ? 1 : shape.scale();
    Pass shift = bias == null ? null : SHIFT;
    Pass clear = shape.causal() ? CLEAR : null;
    Pass drop = shape.dropout() > 0 ? DROP : null;
    this.toWeights = new Pass[] {isCapped ? CAP : null, shift, HIDE, PEAK, WEIGH, clear, drop};
    Pass dropSlopes = shape.dropout() > 0 ? DROP_SLOPES : null;
    Pass clearSlopes = shape.causal() ? CLEAR_SLOPES : null;
    this.toSlopes =
        new Pass[] {
          isCapped ? CAP_AGAIN : null,
          shift,
          HIDE,
          WEIGH_AGAIN,
          dropSlopes,
          SLOPE,
          drop,
          clear,
          clearSlopes,
          bias == null ? null : KEEP_SLOPES,
          scale == shape.scale() ? null : UNCAP
        };
    this.blocks = new Block[scratch.workers()];
    for (int i = 0; i < blocks.length; i++) {
      blocks[i] = new Block(scratch.of(i, (isCapped ? 3L : 2L) * blockRows * stride), blockRows);
    }
  }

  /** Returns the number of units of work: key heads of all sequences. */
  int units() {
    return shape.batch() * shape.keyHeads();
  }

  private long queryIndex(int b, int head, int query) {
    return ((long) b * shape.queries() + query) * queryStride + (long) head * width;
  }

  private long keyIndex(int b, int keyHead) {
    return (long) b * shape.tokens() * keyStride + (long) keyHead * width;
  }

  private int dropoutIndex(int b, int head, int query) {
    return ((b * shape.heads() + head) * shape.queries() + query) * shape.tokens();
  }

  private void run(Pass[] passes, Block rows) {
    for (Pass pass : passes) {
      if (pass != null) {
        pass.run(this, rows);
      }
    }
  }

  private int group() {
    return shape.heads() / shape.keyHeads();
  }

  // ---- forwards

  void forward(int worker, long unit) {
    int b = (int) (unit / shape.keyHeads());
    int keyHead = (int) (unit % shape.keyHeads());
    for (int head = keyHead * group(); head < (keyHead + 1) * group(); head++) {
      for (int from = 0; from < shape.queries(); from += blockRows) {
        int to = Math.min(shape.queries(), from + blockRows);
        forwardBlock(blas.caller(worker), blocks[worker], b, head, keyHead, from, to);
      }
    }
  }

  private void forwardBlock(
      Blas.Caller caller, Block rows, int b, int head, int keyHead, int from, int to) {
    int keys = visibility.mostKeys(b, from, to);
    rows.aim(b, head, from, to, keys);
    scores(caller, rows, keyHead);
    run(toWeights, rows);
    long target = queryIndex(b, head, from);
    caller.gemm(
        false,
        false,
        to - from,
        width,
        keys,
        1,
        rows.memory.address(0),
        stride,
        HostMemory.address(v, keyIndex(b, keyHead)),
        keyStride,
        0,
        HostMemory.address(out, target),
        queryStride);
    run(toOutputs, rows);
  }

  /** {@code scores ← q·kᵀ}. */
  private void scores(Blas.Caller caller, Block rows, int keyHead) {
    int count = rows.to - rows.from;
    caller.gemm(
        false,
        true,
        count,
        rows.keys,
        width,
        1,
        HostMemory.address(q, queryIndex(rows.b, rows.head, rows.from)),
        queryStride,
        HostMemory.address(k, keyIndex(rows.b, keyHead)),
        keyStride,
        0,
        rows.memory.address(0),
        stride);
  }

  private void cap(Block rows) {
    cap(rows, false);
  }

  private void capAgain(Block rows) {
    cap(rows, true);
  }

  /**
   * Caps scores.
   *
   * @param keeps whether their slopes are kept for the way back, behind those of weights
   */
  private void cap(Block rows, boolean keeps) {
    ByteBuffer s = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      int sAt = rows.at(i, stride);
      Elementwise.scale(shape.scale() / shape.cap(), s, sAt, s, sAt, rows.keys);
      Activations.tanh(s, sAt, s, sAt, rows.keys);
      if (keeps) {
        int slopesAt = sAt + 2 * blockRows * stride * Float.BYTES;
        Elementwise.fill(shape.scale(), s, slopesAt, rows.keys);
        Elementwise.tanhBackward(s, sAt, s, slopesAt, s, slopesAt, rows.keys);
      }
      Elementwise.scale(shape.cap(), s, sAt, s, sAt, rows.keys);
    }
  }

  /** Adds the bias to scores, scaled unless they are capped. */
  private void shift(Block rows) {
    ByteBuffer s = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      int sAt = rows.at(i, stride);
      if (shape.cap() == 0) {
        Elementwise.scale(shape.scale(), s, sAt, s, sAt, rows.keys);
      }
      long row = biasIndex(biasGroups, rows, i);
      Elementwise.add(s, sAt, buffer(bias, row), at(bias, row), s, sAt, rows.keys);
    }
  }

  private long biasIndex(int groups, Block rows, int query) {
    return (long) shape.biasRow(groups, rows.b, rows.head, query) * shape.tokens();
  }

  /**
   * Makes hidden scores −∞, up to the end of their vector, and all scores of a query that sees no
   * key equal.
   */
  private void hide(Block rows) {
    ByteBuffer s = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      int sAt = rows.at(i, stride);
      int keys = visibility.keys(rows.b, i);
      if (visibility.isBlind(rows.b, i)) {
        for (int j = 0; j < keys; j++) {
          s.putFloat(sAt + j * Float.BYTES, 0);
        }
      } else if (visibility.hasHoles(rows.b)) {
        for (int j = 0; j < keys; j++) {
          if (visibility.isMasked(rows.b, j)) {
            s.putFloat(sAt + j * Float.BYTES, Float.NEGATIVE_INFINITY);
          }
        }
      }
      if (visibility.hasTexts(rows.b) && !visibility.isBlind(rows.b, i)) {
        for (int j = 0; j < keys; j++) {
          if (visibility.isOfOther(rows.b, i, j)) {
            s.putFloat(sAt + j * Float.BYTES, Float.NEGATIVE_INFINITY);
          }
        }
      }
      Softmax.pad(s, sAt, keys);
    }
  }

  /** Finds the largest score of each query, scaled. */
  private void peak(Block rows) {
    ByteBuffer s = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      float top = Softmax.max(s, rows.at(i, stride), visibility.keys(rows.b, i));
      rows.peaks[i - rows.from] = top * scale;
    }
  }

  /** Turns scores into weights that still lack the division by their sum. */
  private void weigh(Block rows) {
    ByteBuffer s = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      int keys = visibility.keys(rows.b, i);
      float peak = rows.peaks[i - rows.from];
      float sum = Softmax.exponentials(s, rows.at(i, stride), keys, scale, peak);
      rows.sums[i - rows.from] = sum;
      long place = sumIndex(rows, i);
      buffer(logSum, place).putFloat(at(logSum, place), (float) (peak + Math.log(sum)));
    }
  }

  /** Clears the weights of keys that other queries of the block see. */
  private void clear(Block rows) {
    clear(rows, 0);
  }

  private void clearSlopes(Block rows) {
    clear(rows, blockRows * stride * Float.BYTES);
  }

  private void clear(Block rows, int shift) {
    ByteBuffer s = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      int keys = visibility.keys(rows.b, i);
      if (keys < rows.keys) {
        int sAt = rows.at(i, stride) + keys * Float.BYTES;
        Elementwise.fill(0, s, sAt + shift, rows.keys - keys);
      }
    }
  }

  /** Drops weights. */
  private void drop(Block rows) {
    drop(rows, 0);
  }

  /** Drops the gradients of weights. */
  private void dropSlopes(Block rows) {
    drop(rows, blockRows * stride * Float.BYTES);
  }

  private void drop(Block rows, int shift) {
    ByteBuffer s = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      int keys = visibility.keys(rows.b, i);
      int index = dropoutIndex(rows.b, rows.head, i);
      Softmax.drop(s, rows.at(i, stride) + shift, keys, index, shape.dropout(), seed);
    }
  }

  /** Divides outputs by the sum of their weights. */
  private void divide(Block rows) {
    for (int i = rows.from; i < rows.to; i++) {
      long row = queryIndex(rows.b, rows.head, i);
      ByteBuffer o = buffer(out, row);
      int oAt = at(out, row);
      float factor = 1 / rows.sums[i - rows.from];
      Elementwise.scale(factor, o, oAt, o, oAt, width);
    }
  }

  private long sumIndex(Block rows, int query) {
    return (long) (rows.b * shape.heads() + rows.head) * shape.queries() + query;
  }

  // ---- back

  void backward(int worker, long unit, Tensor dOut, Tensor dq, Tensor dk, Tensor dv, Tensor dBias) {
    int b = (int) (unit / shape.keyHeads());
    int keyHead = (int) (unit % shape.keyHeads());
    clearKeyGradient(dk, b, keyHead);
    clearKeyGradient(dv, b, keyHead);
    blocks[worker].dBias = dBias;
    for (int head = keyHead * group(); head < (keyHead + 1) * group(); head++) {
      for (int from = 0; from < shape.queries(); from += blockRows) {
        int to = Math.min(shape.queries(), from + blockRows);
        backwardBlock(
            blas.caller(worker), blocks[worker], b, head, keyHead, from, to, dOut, dq, dk, dv);
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
      Block block,
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
    block.aim(b, head, from, to, keys);
    block.dOut = dOut;
    int rows = to - from;
    long queries = queryIndex(b, head, from);
    long firstKey = keyIndex(b, keyHead);
    long weights = block.memory.address(0);
    long slopes = block.memory.address((long) blockRows * stride);
    scores(caller, block, keyHead);
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
    run(toSlopes, block);
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

  /** Turns scores into weights, by the sums that the way forwards kept. */
  private void weighAgain(Block rows) {
    ByteBuffer s = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      long place = sumIndex(rows, i);
      float log = buffer(logSum, place).getFloat(at(logSum, place));
      int keys = visibility.keys(rows.b, i);
      Softmax.exponentials(s, rows.at(i, stride), keys, scale, log);
    }
  }

  /** Turns gradients of weights, which lie behind the weights, into gradients of scores. */
  private void slope(Block rows) {
    ByteBuffer memory = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      int sAt = rows.at(i, stride);
      int dsAt = sAt + blockRows * stride * Float.BYTES;
      int keys = visibility.keys(rows.b, i);
      Softmax.backward(memory, sAt, memory, dsAt, keys, dot(rows, i), scale);
    }
  }

  /** Writes the gradient of the bias, which is that of scores behind it. */
  private void keepSlopes(Block rows) {
    if (rows.dBias == null) {
      return;
    }
    ByteBuffer memory = rows.memory.window(0);
    int groups = shape.heads() * shape.batch();
    for (int i = rows.from; i < rows.to; i++) {
      int dsAt = rows.at(i, stride) + blockRows * stride * Float.BYTES;
      long row = biasIndex(groups, rows, i);
      ByteBuffer to = buffer(rows.dBias, row);
      int toAt = at(rows.dBias, row);
      Elementwise.copy(memory, dsAt, to, toAt, rows.keys);
      Elementwise.fill(0, to, toAt + rows.keys * Float.BYTES, shape.tokens() - rows.keys);
    }
  }

  /** Turns gradients of scores behind cap and bias into those before. */
  private void uncap(Block rows) {
    ByteBuffer s = rows.memory.window(0);
    for (int i = rows.from; i < rows.to; i++) {
      int dsAt = rows.at(i, stride) + blockRows * stride * Float.BYTES;
      if (shape.cap() > 0) {
        int slopesAt = dsAt + blockRows * stride * Float.BYTES;
        Elementwise.multiply(s, dsAt, s, slopesAt, s, dsAt, rows.keys);
      } else {
        Elementwise.scale(shape.scale(), s, dsAt, s, dsAt, rows.keys);
      }
    }
  }

  /** Returns {@code out·dOut} of a query, which is the mean of its weights' gradients. */
  private float dot(Block rows, int query) {
    long row = queryIndex(rows.b, rows.head, query);
    return Reductions.dot(
        buffer(out, row), at(out, row), buffer(rows.dOut, row), at(rows.dOut, row), width);
  }
}
