package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.Vectors.BYTES;
import static org.peftsweep.compute.cpu.Vectors.LANES;
import static org.peftsweep.compute.cpu.Vectors.load;
import static org.peftsweep.compute.cpu.Vectors.splat;
import static org.peftsweep.compute.cpu.Vectors.store;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import org.peftsweep.compute.Dropout;

/**
 * Rows of attention scores and of their gradients, in scratch whose rows are whole vectors long; n
 * is the number of keys that count, and lanes past it are set to 0.
 */
final class Softmax {
  /** Ones, then zeros: read from {@code LANES − n}, it says which of n lanes count. */
  private static final float[] COUNTING = new float[2 * LANES];

  static {
    java.util.Arrays.fill(COUNTING, 0, LANES, 1);
  }

  private Softmax() {}

  private static VectorMask<Float> counting(int n) {
    return FloatVector.fromArray(Vectors.FLOATS, COUNTING, LANES - n)
        .compare(VectorOperators.EQ, 1f);
  }

  /** Returns the largest of n scores. */
  static float max(ByteBuffer s, int sAt, int n) {
    FloatVector tops = splat(Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector score = load(s, sAt + i);
      tops = tops.blend(score, score.compare(VectorOperators.GT, tops));
    }
    int rest = n - i / Float.BYTES;
    if (rest > 0) {
      FloatVector score = splat(Float.NEGATIVE_INFINITY).blend(load(s, sAt + i), counting(rest));
      tops = tops.blend(score, score.compare(VectorOperators.GT, tops));
    }
    return tops.reduceLanes(VectorOperators.MAX);
  }

  /** {@code s ← e^(scale·s − shift)} for n scores; returns their sum. */
  static float exponentials(ByteBuffer s, int sAt, int n, float scale, float shift) {
    FloatVector sums = splat(0);
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector e = Vectors.expOfNegative(load(s, sAt + i).fma(splat(scale), splat(-shift)));
      sums = sums.add(e);
      store(e, s, sAt + i);
    }
    int rest = n - i / Float.BYTES;
    if (rest > 0) {
      FloatVector e = Vectors.expOfNegative(load(s, sAt + i).fma(splat(scale), splat(-shift)));
      e = splat(0).blend(e, counting(rest));
      sums = sums.add(e);
      store(e, s, sAt + i);
    }
    return Vectors.sum(sums);
  }

  /**
   * Drops weights of a row whose dropout indices start at {@code index}; the rest stay unscaled.
   */
  static void drop(ByteBuffer s, int sAt, int n, int index, float p, long seed) {
    int threshold = Dropout.threshold(p);
    for (int j = 0; j < n; j += LANES) {
      IntVector kept = Elementwise.kept(index + j, (int) seed, (int) (seed >>> 32), threshold);
      int at = sAt + j * Float.BYTES;
      store(load(s, at).reinterpretAsInts().and(kept).reinterpretAsFloats(), s, at);
    }
  }

  /** {@code ds ← s ⊙ (ds − dot)·scale}: the gradient of scores from that of weights s. */
  static void backward(
      ByteBuffer s, int sAt, ByteBuffer ds, int dsAt, int n, float dot, float scale) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      store(load(ds, dsAt + i).sub(dot).mul(load(s, sAt + i)).mul(scale), ds, dsAt + i);
    }
    int rest = n - i / Float.BYTES;
    if (rest > 0) {
      FloatVector d = load(ds, dsAt + i).sub(dot).mul(load(s, sAt + i)).mul(scale);
      store(splat(0).blend(d, counting(rest)), ds, dsAt + i);
    }
  }

  /**
   * The same with dropout: {@code ds ← s ⊙ (kept·ds/(1 − p) − dot)·scale}, then {@code s ←
   * kept·s/(1 − p)}.
   */
  static void backwardDropped(
      ByteBuffer s,
      int sAt,
      ByteBuffer ds,
      int dsAt,
      int n,
      float dot,
      float scale,
      int index,
      float p,
      long seed) {
    int threshold = Dropout.threshold(p);
    float more = 1 / (1 - p);
    for (int j = 0; j < n; j += LANES) {
      int i = j * Float.BYTES;
      IntVector kept = Elementwise.kept(index + j, (int) seed, (int) (seed >>> 32), threshold);
      FloatVector weight = load(s, sAt + i);
      FloatVector d =
          load(ds, dsAt + i).mul(more).reinterpretAsInts().and(kept).reinterpretAsFloats();
      d = d.sub(dot).mul(weight).mul(scale);
      FloatVector dropped = weight.mul(more).reinterpretAsInts().and(kept).reinterpretAsFloats();
      VectorMask<Float> counts = counting(Math.min(LANES, n - j));
      store(splat(0).blend(d, counts), ds, dsAt + i);
      store(splat(0).blend(dropped, counts), s, sAt + i);
    }
  }
}
