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
 * <p>The polynomials are those of Cephes (single precision) and of Abramowitz and Stegun, 7.1.26;
 * all are good to about 1e-7 of the result or, for erf, absolutely.
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
  private static final float SQRT_HALF = 0.70710678118654752f;
  private static final float ERF_P = 0.3275911f;
  private static final int SIGN = 0x80000000;

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

  /** Returns Φ(x), the normal distribution, given {@code bell = e^(−x²/2)}. */
  static FloatVector normal(FloatVector x, FloatVector bell) {
    FloatVector t =
        splat(1f).div(x.lanewise(VectorOperators.ABS).fma(splat(ERF_P * SQRT_HALF), splat(1f)));
    FloatVector p = t.fma(splat(0.5f * 1.061405429f), splat(0.5f * -1.453152027f));
    p = p.fma(t, splat(0.5f * 1.421413741f));
    p = p.fma(t, splat(0.5f * -0.284496736f));
    p = p.fma(t, splat(0.5f * 0.254829592f));
    FloatVector half = splat(0.5f).sub(p.mul(t).mul(bell));
    return withSignOf(x, half).add(0.5f);
  }

  /** Returns {@code e^(−x²/2)}. */
  static FloatVector bell(FloatVector x) {
    return expOfNegative(x.mul(-0.5f).mul(x));
  }

  /** Returns {@code 1 / (1 + e⁻ˣ)}. */
  static FloatVector sigmoid(FloatVector x) {
    FloatVector e = expOfNegative(x.lanewise(VectorOperators.ABS).neg());
    FloatVector one = splat(1f);
    FloatVector numerator = one.blend(e, x.compare(VectorOperators.LT, 0f));
    return numerator.div(e.add(1f));
  }

  static FloatVector tanh(FloatVector x) {
    FloatVector size = x.lanewise(VectorOperators.ABS);
    FloatVector e = expOfNegative(size.mul(-2f));
    FloatVector far = withSignOf(x, splat(1f).sub(e).div(e.add(1f)));
    FloatVector z = x.mul(x);
    FloatVector p = z.fma(splat(-5.70498872745e-3f), splat(2.06390887954e-2f));
    p = p.fma(z, splat(-5.37397155531e-2f));
    p = p.fma(z, splat(1.33314422036e-1f));
    p = p.fma(z, splat(-3.33332819422e-1f));
    FloatVector near = p.mul(z).fma(x, x);
    return far.blend(near, size.compare(VectorOperators.LT, 0.625f));
  }

  /** Returns {@code value}, which is not negative, with the sign of {@code x}. */
  private static FloatVector withSignOf(FloatVector x, FloatVector value) {
    IntVector sign = x.reinterpretAsInts().and(SIGN);
    return value.reinterpretAsInts().lanewise(VectorOperators.XOR, sign).reinterpretAsFloats();
  }

  // ---- the same for single elements, at the ends of rows

  static float normal(float x) {
    double t = 1 / (1 + ERF_P * SQRT_HALF * Math.abs((double) x));
    double p =
        ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592)
            * t;
    double tail = 0.5 * p * Math.exp(-0.5 * x * x);
    return (float) (x < 0 ? tail : 1 - tail);
  }

  static float bell(float x) {
    return (float) Math.exp(-0.5 * x * x);
  }

  static float sigmoid(float x) {
    return (float) (1 / (1 + Math.exp(-x)));
  }
}
