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

/**
 * GELU with its bias, SwiGLU and tanh, over n neighbouring floats; outputs may be inputs.
 *
 * <p>GELU and its slope are 0.5 plus an odd function each, {@code ½·erf(x/√2)} and {@code
 * ½·erf(x/√2) + x·φ(x)}; both are rational minimax approximations {@code x·P(x²)/Q(x²)} fitted for
 * this purpose (largest error 1.7e-7 and 2.7e-7 in single precision), cut where they reach exactly
 * 0.5. That needs no exponential.
 */
final class Activations {
  private static final int SIZE_BITS = 0x7FFFFFFF;
  private static final int SIGN_BIT = 0x80000000;

  /** Where ½·erf(x/√2) comes out as 0.5. */
  private static final float ERF_END = 5.382515f;

  private static final float ERF_P0 = 0.3989421f;
  private static final float ERF_P1 = 0.033896793f;
  private static final float ERF_P2 = 0.0046877274f;
  private static final float ERF_P3 = 0.00017036746f;
  private static final float ERF_P4 = 6.4681835e-06f;
  private static final float ERF_P5 = 2.3387337e-08f;
  private static final float ERF_Q1 = 0.2516315f;
  private static final float ERF_Q2 = 0.028691603f;
  private static final float ERF_Q3 = 0.0018924893f;
  private static final float ERF_Q4 = 7.469957e-05f;
  private static final float ERF_Q5 = 1.2246469e-06f;

  /** Where the slope comes out as 1. */
  private static final float SLOPE_END = 5.81273f;

  private static final float SLOPE_P0 = 0.79788536f;
  private static final float SLOPE_P1 = -0.030995859f;
  private static final float SLOPE_P2 = 0.014230305f;
  private static final float SLOPE_P3 = 1.922052e-05f;
  private static final float SLOPE_P4 = 3.5955924e-05f;
  private static final float SLOPE_P5 = 1.92929e-07f;
  private static final float SLOPE_Q1 = 0.29449403f;
  private static final float SLOPE_Q2 = 0.04098021f;
  private static final float SLOPE_Q3 = 0.0035230343f;
  private static final float SLOPE_Q4 = 0.00019203636f;
  private static final float SLOPE_Q5 = 8.952411e-06f;

  /** Beyond this, tanh is 1 in single precision. */
  private static final float TANH_END = 7.9053111f;

  private Activations() {}

  static void gelu(
      ByteBuffer x, int xAt, ByteBuffer bias, int biasAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector z = load(x, xAt + i).add(load(bias, biasAt + i));
      IntVector size = z.reinterpretAsInts().and(SIZE_BITS);
      FloatVector a = size.min(Float.floatToRawIntBits(ERF_END)).reinterpretAsFloats();
      FloatVector u = a.mul(a);
      FloatVector p = u.fma(splat(ERF_P5), splat(ERF_P4)).fma(u, splat(ERF_P3));
      p = p.fma(u, splat(ERF_P2)).fma(u, splat(ERF_P1)).fma(u, splat(ERF_P0));
      FloatVector q = u.fma(splat(ERF_Q5), splat(ERF_Q4)).fma(u, splat(ERF_Q3));
      q = q.fma(u, splat(ERF_Q2)).fma(u, splat(ERF_Q1)).fma(u, splat(1));
      FloatVector odd = a.mul(p).div(q);
      store(size.reinterpretAsFloats().fma(odd, z.mul(0.5f)), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, gelu(x.getFloat(xAt + i) + bias.getFloat(biasAt + i)));
    }
  }

  private static float gelu(float z) {
    float a = Math.min(Math.abs(z), ERF_END);
    float u = a * a;
    float p = Math.fma(Math.fma(u, ERF_P5, ERF_P4), u, ERF_P3);
    p = Math.fma(Math.fma(Math.fma(p, u, ERF_P2), u, ERF_P1), u, ERF_P0);
    float q = Math.fma(Math.fma(u, ERF_Q5, ERF_Q4), u, ERF_Q3);
    q = Math.fma(Math.fma(Math.fma(q, u, ERF_Q2), u, ERF_Q1), u, 1);
    return Math.fma(Math.abs(z), a * p / q, z * 0.5f);
  }

  static void geluBackward(
      ByteBuffer x,
      int xAt,
      ByteBuffer bias,
      int biasAt,
      ByteBuffer dy,
      int dyAt,
      ByteBuffer dx,
      int dxAt,
      int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      IntVector z = load(x, xAt + i).add(load(bias, biasAt + i)).reinterpretAsInts();
      FloatVector a =
          z.and(SIZE_BITS).min(Float.floatToRawIntBits(SLOPE_END)).reinterpretAsFloats();
      FloatVector u = a.mul(a);
      FloatVector p = u.fma(splat(SLOPE_P5), splat(SLOPE_P4)).fma(u, splat(SLOPE_P3));
      p = p.fma(u, splat(SLOPE_P2)).fma(u, splat(SLOPE_P1)).fma(u, splat(SLOPE_P0));
      FloatVector q = u.fma(splat(SLOPE_Q5), splat(SLOPE_Q4)).fma(u, splat(SLOPE_Q3));
      q = q.fma(u, splat(SLOPE_Q2)).fma(u, splat(SLOPE_Q1)).fma(u, splat(1));
      IntVector odd = a.mul(p).div(q).reinterpretAsInts();
      FloatVector slope = odd.or(z.and(SIGN_BIT)).reinterpretAsFloats().add(0.5f);
      store(slope.mul(load(dy, dyAt + i)), dx, dxAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float z = x.getFloat(xAt + i) + bias.getFloat(biasAt + i);
      dx.putFloat(dxAt + i, dy.getFloat(dyAt + i) * slope(z));
    }
  }

  private static float slope(float z) {
    float a = Math.min(Math.abs(z), SLOPE_END);
    float u = a * a;
    float p = Math.fma(Math.fma(u, SLOPE_P5, SLOPE_P4), u, SLOPE_P3);
    p = Math.fma(Math.fma(Math.fma(p, u, SLOPE_P2), u, SLOPE_P1), u, SLOPE_P0);
    float q = Math.fma(Math.fma(u, SLOPE_Q5, SLOPE_Q4), u, SLOPE_Q3);
    q = Math.fma(Math.fma(Math.fma(q, u, SLOPE_Q2), u, SLOPE_Q1), u, 1);
    return Math.copySign(a * p / q, z) + 0.5f;
  }

  /** The rational approximation of Eigen's {@code ptanh}. */
  static void tanh(ByteBuffer x, int xAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector z = load(x, xAt + i).min(TANH_END).max(-TANH_END);
      FloatVector u = z.mul(z);
      FloatVector p = u.fma(splat(-2.76076847742355e-16f), splat(2.00018790482477e-13f));
      p = p.fma(u, splat(-8.60467152213735e-11f)).fma(u, splat(5.12229709037114e-08f));
      p = p.fma(u, splat(1.48572235717979e-05f)).fma(u, splat(6.37261928875436e-04f));
      p = p.fma(u, splat(4.89352455891786e-03f));
      FloatVector q = u.fma(splat(1.19825839466702e-06f), splat(1.18534705686654e-04f));
      q = q.fma(u, splat(2.26843463243900e-03f)).fma(u, splat(4.89352518554385e-03f));
      store(z.mul(p).div(q), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, (float) Math.tanh(x.getFloat(xAt + i)));
    }
  }

  private static FloatVector sigmoid(FloatVector x) {
    FloatVector e = Vectors.expOfNegative(x.lanewise(VectorOperators.ABS).neg());
    FloatVector top = splat(1f).blend(e, x.compare(VectorOperators.LT, 0f));
    return top.div(e.add(1f));
  }

  private static float sigmoid(float x) {
    return (float) (1 / (1 + Math.exp(-x)));
  }

  static void swiglu(
      ByteBuffer gate, int gateAt, ByteBuffer up, int upAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector g = load(gate, gateAt + i);
      store(sigmoid(g).mul(g).mul(load(up, upAt + i)), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float g = gate.getFloat(gateAt + i);
      y.putFloat(yAt + i, g * sigmoid(g) * up.getFloat(upAt + i));
    }
  }

  static void swigluBackward(
      ByteBuffer gate,
      int gateAt,
      ByteBuffer up,
      int upAt,
      ByteBuffer dy,
      int dyAt,
      ByteBuffer dGate,
      int dGateAt,
      ByteBuffer dUp,
      int dUpAt,
      int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector g = load(gate, gateAt + i);
      FloatVector u = load(up, upAt + i);
      FloatVector d = load(dy, dyAt + i);
      FloatVector s = sigmoid(g);
      FloatVector silu = s.mul(g);
      // silu′ = σ + silu·(1 − σ)
      FloatVector slope = silu.fma(splat(1f).sub(s), s);
      store(d.mul(u).mul(slope), dGate, dGateAt + i);
      store(d.mul(silu), dUp, dUpAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float g = gate.getFloat(gateAt + i);
      float u = up.getFloat(upAt + i);
      float d = dy.getFloat(dyAt + i);
      float s = sigmoid(g);
      dGate.putFloat(dGateAt + i, d * u * (s + g * s * (1 - s)));
      dUp.putFloat(dUpAt + i, d * g * s);
    }
  }
}
