package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.Vectors.BYTES;
import static org.peftsweep.compute.cpu.Vectors.INTS;
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
 * Kernels over n neighbouring floats; {@code xAt} and the like are byte positions in buffers, and
 * the output may be an input.
 */
final class Elementwise {
  private static final int GOLDEN = 0x9E3779B1;

  /** What each lane adds to the hash's product. */
  private static final IntVector LANE_STEPS = IntVector.zero(INTS).addIndex(1).mul(GOLDEN);

  private Elementwise() {}

  static void fill(float value, ByteBuffer y, int yAt, int n) {
    int end = yAt + n * Float.BYTES;
    int at = yAt;
    for (; at <= end - BYTES; at += BYTES) {
      store(splat(value), y, at);
    }
    for (; at < end; at += Float.BYTES) {
      y.putFloat(at, value);
    }
  }

  static void copy(ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      store(load(x, xAt + i), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, x.getFloat(xAt + i));
    }
  }

  static void addScaled(float alpha, ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      store(load(x, xAt + i).fma(splat(alpha), load(y, yAt + i)), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, Math.fma(alpha, x.getFloat(xAt + i), y.getFloat(yAt + i)));
    }
  }

  static void scale(float alpha, ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      store(load(x, xAt + i).mul(alpha), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, alpha * x.getFloat(xAt + i));
    }
  }

  static void add(ByteBuffer a, int aAt, ByteBuffer b, int bAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      store(load(a, aAt + i).add(load(b, bAt + i)), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, a.getFloat(aAt + i) + b.getFloat(bAt + i));
    }
  }

  static void multiply(ByteBuffer a, int aAt, ByteBuffer b, int bAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      store(load(a, aAt + i).mul(load(b, bAt + i)), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, a.getFloat(aAt + i) * b.getFloat(bAt + i));
    }
  }

  static void reciprocal(ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      store(splat(1f).div(load(x, xAt + i)), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, 1 / x.getFloat(xAt + i));
    }
  }

  static void tanhBackward(
      ByteBuffer y, int yAt, ByteBuffer dy, int dyAt, ByteBuffer dx, int dxAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector value = load(y, yAt + i);
      store(value.neg().fma(value, splat(1f)).mul(load(dy, dyAt + i)), dx, dxAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float value = y.getFloat(yAt + i);
      dx.putFloat(dxAt + i, dy.getFloat(dyAt + i) * (1 - value * value));
    }
  }

  /** Drops elements whose indices start at {@code first}. */
  static void dropout(
      float p, long seed, int first, ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    float scale = 1 / (1 - p);
    int threshold = Dropout.threshold(p);
    int low = (int) seed;
    int high = (int) (seed >>> 32);
    int index = first;
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES, index += LANES) {
      IntVector kept = kept(index, low, high, threshold);
      IntVector scaled = load(x, xAt + i).mul(scale).reinterpretAsInts();
      store(scaled.and(kept).reinterpretAsFloats(), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES, index++) {
      boolean keeps = (Dropout.hash(index, low, high) >>> 8) >= threshold;
      y.putFloat(yAt + i, keeps ? x.getFloat(xAt + i) * scale : 0);
    }
  }

  /** {@link Dropout#hash} of neighbouring indices: all bits set where an element is kept. */
  static IntVector kept(int index, int low, int high, int threshold) {
    IntVector h = LANE_STEPS.add(index * GOLDEN + low);
    h = mix(mix(h).add(high));
    return h.lanewise(VectorOperators.LSHR, 8)
        .neg()
        .add(threshold - 1)
        .lanewise(VectorOperators.ASHR, 31);
  }

  private static IntVector mix(IntVector hash) {
    IntVector h = hash;
    h = h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 16)).mul(0x7FEB352D);
    h = h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 15)).mul(0x846CA68B);
    return h.lanewise(VectorOperators.XOR, h.lanewise(VectorOperators.LSHR, 16));
  }
}
