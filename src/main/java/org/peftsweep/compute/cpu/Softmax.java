package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.Vectors.BYTES;
import static org.peftsweep.compute.cpu.Vectors.LANES;
import static org.peftsweep.compute.cpu.Vectors.load;
import static org.peftsweep.compute.cpu.Vectors.splat;
import static org.peftsweep.compute.cpu.Vectors.store;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import org.peftsweep.compute.Dropout;

/**
 * Rows of attention scores and of their gradients, in scratch whose rows are whole vectors long.
 *
 * <p>All work on n scores, rounded up to whole vectors; {@link #pad} makes the rest of the last
 * vector count for nothing.
 */
final class Softmax {
  private Softmax() {}

  /** Sets the scores from n to the end of their vector to −∞. */
  static void pad(ByteBuffer s, int sAt, int n) {
    for (int j = n; j % LANES != 0; j++) {
      s.putFloat(sAt + j * Float.BYTES, Float.NEGATIVE_INFINITY);
    }
  }

  /**
   * Returns the largest of n scores. They are compared as integers, which the processor does in one
   * instruction; flipping the lower bits of negative ones gives both the same order.
   */
  static float max(ByteBuffer s, int sAt, int n) {
    IntVector tops = IntVector.broadcast(Vectors.INTS, Integer.MIN_VALUE);
    for (int i = 0; i < n * Float.BYTES; i += BYTES) {
      IntVector bits = load(s, sAt + i).reinterpretAsInts();
      IntVector flips = bits.lanewise(VectorOperators.ASHR, 31).lanewise(VectorOperators.LSHR, 1);
      tops = tops.max(bits.lanewise(VectorOperators.XOR, flips));
    }
    int top = tops.reduceLanes(VectorOperators.MAX);
    return Float.intBitsToFloat(top ^ (top >> 31 >>> 1));
  }

  /** {@code s ← e^(scale·s − shift)}; returns the sum. */
  static float exponentials(ByteBuffer s, int sAt, int n, float scale, float shift) {
    FloatVector sums = splat(0);
    for (int i = 0; i < n * Float.BYTES; i += BYTES) {
      FloatVector e = Vectors.expOfNegative(load(s, sAt + i).fma(splat(scale), splat(-shift)));
      sums = sums.add(e);
      store(e, s, sAt + i);
    }
    return Vectors.sum(sums);
  }

  /** {@code s ← s / (1 − p)} where kept, else 0; dropout indices start at {@code index}. */
  static void drop(ByteBuffer s, int sAt, int n, int index, float p, long seed) {
    int threshold = Dropout.threshold(p);
    int low = (int) seed;
    int high = (int) (seed >>> 32);
    float more = 1 / (1 - p);
    for (int j = 0; j < n; j += LANES) {
      IntVector kept = Elementwise.kept(index + j, low, high, threshold);
      int at = sAt + j * Float.BYTES;
      store(load(s, at).mul(more).reinterpretAsInts().and(kept).reinterpretAsFloats(), s, at);
    }
  }

  /** {@code ds ← s ⊙ (ds − dot)·scale}: the gradient of scores from that of weights s. */
  static void backward(
      ByteBuffer s, int sAt, ByteBuffer ds, int dsAt, int n, float dot, float scale) {
    for (int i = 0; i < n * Float.BYTES; i += BYTES) {
      store(load(ds, dsAt + i).sub(dot).mul(load(s, sAt + i)).mul(scale), ds, dsAt + i);
    }
  }
}
