package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.HostMemory.at;
import static org.peftsweep.compute.cpu.HostMemory.buffer;
import static org.peftsweep.compute.cpu.Vectors.BYTES;
import static org.peftsweep.compute.cpu.Vectors.LANES;
import static org.peftsweep.compute.cpu.Vectors.load;
import static org.peftsweep.compute.cpu.Vectors.splat;
import static org.peftsweep.compute.cpu.Vectors.store;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import org.peftsweep.compute.Tensor;

/** Layer norm and RMS norm, forwards and back; a row stays in the first-level cache meanwhile. */
final class Norms {
  private Norms() {}

  static void layerNorm(
      Tensor x,
      Tensor residual,
      Tensor gamma,
      Tensor beta,
      float epsilon,
      Tensor y,
      Tensor mean,
      Tensor rstd,
      long from,
      long to) {
    int n = x.columns();
    ByteBuffer g = buffer(gamma, 0);
    ByteBuffer b = buffer(beta, 0);
    for (long i = from; i < to; i++) {
      long row = i * n;
      ByteBuffer in = buffer(x, row);
      int inAt = at(x, row);
      if (residual != null) {
        Elementwise.addScaled(1, buffer(residual, row), at(residual, row), in, inAt, n);
      }
      float average = sum(in, inAt, n) / n;
      float variance = squares(in, inAt, average, n) / n;
      float scale = (float) (1 / Math.sqrt(variance + epsilon));
      normalise(
          in, inAt, average, scale, g, at(gamma, 0), b, at(beta, 0), buffer(y, row), at(y, row), n);
      buffer(mean, i).putFloat(at(mean, i), average);
      buffer(rstd, i).putFloat(at(rstd, i), scale);
    }
  }

  static void rmsNorm(
      Tensor x, Tensor gamma, float epsilon, Tensor y, Tensor rstd, long from, long to) {
    int n = x.columns();
    ByteBuffer g = buffer(gamma, 0);
    for (long i = from; i < to; i++) {
      long row = i * n;
      ByteBuffer in = buffer(x, row);
      int inAt = at(x, row);
      float scale = (float) (1 / Math.sqrt(squares(in, inAt, 0, n) / n + epsilon));
      scaled(in, inAt, scale, g, at(gamma, 0), buffer(y, row), at(y, row), n);
      buffer(rstd, i).putFloat(at(rstd, i), scale);
    }
  }

  /** {@code dx} of both norms; mean null for RMS norm. */
  static void backward(
      Tensor x, Tensor gamma, Tensor mean, Tensor rstd, Tensor dy, Tensor dx, long from, long to) {
    int n = x.columns();
    ByteBuffer g = buffer(gamma, 0);
    for (long i = from; i < to; i++) {
      long row = i * n;
      float average = mean == null ? 0 : buffer(mean, i).getFloat(at(mean, i));
      backwardRow(
          buffer(x, row),
          at(x, row),
          average,
          mean == null ? 0f : 1f,
          buffer(rstd, i).getFloat(at(rstd, i)),
          g,
          at(gamma, 0),
          buffer(dy, row),
          at(dy, row),
          buffer(dx, row),
          at(dx, row),
          n);
    }
  }

  private static float sum(ByteBuffer x, int xAt, int n) {
    FloatVector sums = splat(0);
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      sums = sums.add(load(x, xAt + i));
    }
    float rest = 0;
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      rest += x.getFloat(xAt + i);
    }
    return Vectors.sum(sums) + rest;
  }

  private static float squares(ByteBuffer x, int xAt, float mean, int n) {
    FloatVector sums = splat(0);
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector distance = load(x, xAt + i).sub(mean);
      sums = distance.fma(distance, sums);
    }
    float rest = 0;
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float distance = x.getFloat(xAt + i) - mean;
      rest = Math.fma(distance, distance, rest);
    }
    return Vectors.sum(sums) + rest;
  }

  private static void normalise(
      ByteBuffer x,
      int xAt,
      float mean,
      float rstd,
      ByteBuffer gamma,
      int gammaAt,
      ByteBuffer beta,
      int betaAt,
      ByteBuffer y,
      int yAt,
      int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector hat = load(x, xAt + i).sub(mean).mul(rstd);
      store(hat.fma(load(gamma, gammaAt + i), load(beta, betaAt + i)), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float hat = (x.getFloat(xAt + i) - mean) * rstd;
      y.putFloat(yAt + i, Math.fma(hat, gamma.getFloat(gammaAt + i), beta.getFloat(betaAt + i)));
    }
  }

  private static void scaled(
      ByteBuffer x,
      int xAt,
      float rstd,
      ByteBuffer gamma,
      int gammaAt,
      ByteBuffer y,
      int yAt,
      int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      store(load(x, xAt + i).mul(rstd).mul(load(gamma, gammaAt + i)), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, x.getFloat(xAt + i) * rstd * gamma.getFloat(gammaAt + i));
    }
  }

  /** {@code dx ← ρ·(g − centred·mean(g) − x̂·mean(g ⊙ x̂))} with {@code g = dy ⊙ gamma}. */
  private static void backwardRow(
      ByteBuffer x,
      int xAt,
      float mean,
      float centred,
      float rstd,
      ByteBuffer gamma,
      int gammaAt,
      ByteBuffer dy,
      int dyAt,
      ByteBuffer dx,
      int dxAt,
      int n) {
    FloatVector sums = splat(0);
    FloatVector dots = splat(0);
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector g = load(dy, dyAt + i).mul(load(gamma, gammaAt + i));
      sums = sums.add(g);
      dots = g.fma(load(x, xAt + i).sub(mean), dots);
    }
    float sum = 0;
    float dot = 0;
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float g = dy.getFloat(dyAt + i) * gamma.getFloat(gammaAt + i);
      sum += g;
      dot = Math.fma(g, x.getFloat(xAt + i) - mean, dot);
    }
    float meanOfG = centred * (Vectors.sum(sums) + sum) / n;
    float slope = (Vectors.sum(dots) + dot) / n * rstd * rstd;
    i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector g = load(dy, dyAt + i).mul(load(gamma, gammaAt + i)).sub(meanOfG);
      FloatVector d = load(x, xAt + i).sub(mean).fma(splat(-slope), g);
      store(d.mul(rstd), dx, dxAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float g = dy.getFloat(dyAt + i) * gamma.getFloat(gammaAt + i) - meanOfG;
      dx.putFloat(dxAt + i, Math.fma(x.getFloat(xAt + i) - mean, -slope, g) * rstd);
    }
  }

  /**
   * {@code dGamma[j] ← dGamma[j] + Σᵢ dy[i,j]·x̂[i,j]} for some columns; mean null for RMS norm.
   */
  static void addGammaGradient(
      Tensor x, Tensor mean, Tensor rstd, Tensor dy, Tensor dGamma, long from, long to) {
    int columns = x.columns();
    ByteBuffer out = buffer(dGamma, from);
    int outAt = at(dGamma, from);
    int n = (int) (to - from);
    for (int i = 0; i < x.rows(); i++) {
      long row = (long) i * columns + from;
      float average = mean == null ? 0 : buffer(mean, i).getFloat(at(mean, i));
      float scale = buffer(rstd, i).getFloat(at(rstd, i));
      addHats(
          buffer(x, row), at(x, row), average, scale, buffer(dy, row), at(dy, row), out, outAt, n);
    }
  }

  private static void addHats(
      ByteBuffer x,
      int xAt,
      float mean,
      float rstd,
      ByteBuffer dy,
      int dyAt,
      ByteBuffer out,
      int outAt,
      int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      FloatVector hat = load(x, xAt + i).sub(mean).mul(rstd);
      store(hat.fma(load(dy, dyAt + i), load(out, outAt + i)), out, outAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      float hat = (x.getFloat(xAt + i) - mean) * rstd;
      out.putFloat(outAt + i, Math.fma(hat, dy.getFloat(dyAt + i), out.getFloat(outAt + i)));
    }
  }
}
