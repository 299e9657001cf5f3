package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.Vectors.BYTES;
import static org.peftsweep.compute.cpu.Vectors.LANES;
import static org.peftsweep.compute.cpu.Vectors.load;
import static org.peftsweep.compute.cpu.Vectors.splat;
import static org.peftsweep.compute.cpu.Vectors.store;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import org.peftsweep.compute.AdamStep;

/** AdamW (arXiv:1711.05101) over n neighbouring parameters in one sweep. */
final class Adam {
  private final float decay;
  private final float beta1;
  private final float beta2;
  private final float rate;
  private final float rootCorrection;
  private final float epsilon;

  /** Reads a step from where {@link AdamStep#write} put it. */
  Adam(ByteBuffer steps, int at) {
    this.decay = steps.getFloat(at);
    this.beta1 = steps.getFloat(at + Float.BYTES);
    this.beta2 = steps.getFloat(at + 2 * Float.BYTES);
    this.rate = steps.getFloat(at + 3 * Float.BYTES);
    this.rootCorrection = steps.getFloat(at + 4 * Float.BYTES);
    this.epsilon = steps.getFloat(at + 5 * Float.BYTES);
  }

  void update(
      ByteBuffer p,
      int pAt,
      ByteBuffer g,
      int gAt,
      ByteBuffer m,
      int mAt,
      ByteBuffer v,
      int vAt,
      int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector gradient = load(g, gAt + i);
      FloatVector first = load(m, mAt + i).mul(beta1).add(gradient.mul(1 - beta1));
      FloatVector second = load(v, vAt + i).mul(beta2).add(gradient.mul(1 - beta2).mul(gradient));
      store(first, m, mAt + i);
      store(second, v, vAt + i);
      FloatVector bottom = second.sqrt().fma(splat(rootCorrection), splat(epsilon));
      FloatVector step = first.mul(rate).div(bottom);
      store(load(p, pAt + i).mul(decay).sub(step), p, pAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float gradient = g.getFloat(gAt + i);
      float first = m.getFloat(mAt + i) * beta1 + gradient * (1 - beta1);
      float second = v.getFloat(vAt + i) * beta2 + gradient * (1 - beta2) * gradient;
      m.putFloat(mAt + i, first);
      v.putFloat(vAt + i, second);
      float bottom = Math.fma((float) Math.sqrt(second), rootCorrection, epsilon);
      p.putFloat(pAt + i, p.getFloat(pAt + i) * decay - first * rate / bottom);
    }
  }
}
