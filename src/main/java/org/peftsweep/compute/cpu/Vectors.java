package org.peftsweep.compute.cpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Loads, stores and transcendental functions in lanes; positions are bytes in native-order direct
 * buffers.
 *
 * <p>Operands that are the same for all lanes are broadcast where they are used: vectors kept in
 * static fields are read from memory at every use. A compiled loop holds about forty lane
 * operations; with more, HotSpot stops inlining and puts every vector on the heap. Kernels that
 * need more are cut in passes.
 */
final class Vectors {
  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  static final ByteOrder ORDER = ByteOrder.nativeOrder();
  static final int LANES = FLOATS.length();
  static final int BYTES = LANES * Float.BYTES;

  /** Below this, exp is taken for 0: the smallest normal float. */
  private static final float LOWEST_EXPONENT = -87.3f;

  private static final float LOG2_E = 1.44269504088896341f;

  /** 1.5·2²³: adding it rounds to an integer, which then stands in the low bits. */
  private static final float ROUNDER = 12582912f;

  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;

  private Vectors() {}

  static FloatVector load(ByteBuffer from, int at) {
    return FloatVector.fromByteBuffer(FLOATS, from, at, ORDER);
  }

  static void store(FloatVector value, ByteBuffer to, int at) {
    value.intoByteBuffer(to, at, ORDER);
  }

  static FloatVector splat(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  static float sum(FloatVector value) {
    return value.reduceLanes(VectorOperators.ADD);
  }

  /** Returns {@code eˣ} for x ≤ 0. */
  static FloatVector expOfNegative(FloatVector x) {
    FloatVector shifted = x.fma(splat(LOG2_E), splat(ROUNDER));
    FloatVector n = shifted.sub(ROUNDER);
    FloatVector r = n.fma(splat(-LN2_LOW), n.fma(splat(-LN2_HIGH), x));
    FloatVector p = r.fma(splat(1.9875691500e-4f), splat(1.3981999507e-3f));
    p = p.fma(r, splat(8.3334519073e-3f));
    p = p.fma(r, splat(4.1665795894e-2f));
    p = p.fma(r, splat(1.6666665459e-1f));
    p = p.fma(r, splat(5.0000001201e-1f));
    p = p.fma(r.mul(r), r).add(1f);
    IntVector power = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23).add(127 << 23);
    return p.mul(power.reinterpretAsFloats())
        .blend(0f, x.compare(VectorOperators.LT, LOWEST_EXPONENT));
  }
}
