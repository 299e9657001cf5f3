package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.Vectors.BYTES;
import static org.peftsweep.compute.cpu.Vectors.LANES;
import static org.peftsweep.compute.cpu.Vectors.load;
import static org.peftsweep.compute.cpu.Vectors.splat;
import static org.peftsweep.compute.cpu.Vectors.store;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;

/** GELU with its bias, and SwiGLU, over n neighbouring floats; outputs may be inputs. */
final class Activations {
  /** {@code 1 / √(2π)}. */
  private static final float BELL_TOP = 0.39894228040143268f;

  private Activations() {}

  static void gelu(
      ByteBuffer x, int xAt, ByteBuffer bias, int biasAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector z = load(x, xAt + i).add(load(bias, biasAt + i));
      store(Vectors.normal(z, Vectors.bell(z)).mul(z), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float z = x.getFloat(xAt + i) + bias.getFloat(biasAt + i);
      y.putFloat(yAt + i, z * Vectors.normal(z));
    }
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
      FloatVector z = load(x, xAt + i).add(load(bias, biasAt + i));
      FloatVector bell = Vectors.bell(z);
      FloatVector slope = bell.mul(z).fma(splat(BELL_TOP), Vectors.normal(z, bell));
      store(slope.mul(load(dy, dyAt + i)), dx, dxAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float z = x.getFloat(xAt + i) + bias.getFloat(biasAt + i);
      float slope = Vectors.normal(z) + z * BELL_TOP * Vectors.bell(z);
      dx.putFloat(dxAt + i, dy.getFloat(dyAt + i) * slope);
    }
  }

  static void swiglu(
      ByteBuffer gate, int gateAt, ByteBuffer up, int upAt, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector g = load(gate, gateAt + i);
      store(Vectors.sigmoid(g).mul(g).mul(load(up, upAt + i)), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float g = gate.getFloat(gateAt + i);
      y.putFloat(yAt + i, g * Vectors.sigmoid(g) * up.getFloat(upAt + i));
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
      FloatVector s = Vectors.sigmoid(g);
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
      float s = Vectors.sigmoid(g);
      dGate.putFloat(dGateAt + i, d * u * (s + g * s * (1 - s)));
      dUp.putFloat(dUpAt + i, d * g * s);
    }
  }
}
