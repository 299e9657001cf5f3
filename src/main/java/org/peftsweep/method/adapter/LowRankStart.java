package org.peftsweep.method.adapter;

import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Lapack;
import org.peftsweep.compute.Weight;
import org.peftsweep.data.Seeds;
import org.peftsweep.model.Linear;
import org.peftsweep.model.Model;
import org.peftsweep.model.Role;

/**
 * Factors {@code B·A} of a part of a weight that low-rank training starts from.
 *
 * @param a {@code [rank, in]}
 * @param b {@code [out, rank]}
 */
public record LowRankStart(float[] a, float[] b, int rank) implements InitCache.Prepared {
  @Override
  public long bytes() {
    return Float.BYTES * ((long) a.length + b.length);
  }

  /** Zeros in the shape of a start. */
  public static LowRankStart blank(int out, int in, int rank) {
    return new LowRankStart(new float[rank * in], new float[out * rank], rank);
  }

  /** Refuses a rank above the smaller side of a target. */
  public static void requireRank(Model outline, Set<Role> targets, String setting, int rank) {
    for (Linear linear : outline.projections()) {
      int most = Math.min(linear.out(), linear.in());
      if (targets.contains(linear.role()) && rank > most) {
        throw tooLarge(setting, rank, linear, most);
      }
    }
  }

  public static IllegalArgumentException tooLarge(
      String setting, int rank, Linear linear, int most) {
    return new IllegalArgumentException(
        "Cannot use %s = %d on %s, %d x %d: give at most %d"
            .formatted(setting, rank, linear.name(), linear.out(), linear.in(), most));
  }

  /** Returns a weight {@code [out, in]} in double precision. */
  public static double[] weight(Backend backend, Weight weight) {
    float[] row = new float[weight.columns()];
    double[] values = new double[Math.toIntExact(weight.size())];
    for (int i = 0; i < weight.rows(); i++) {
      weight.read(backend, (long) i * row.length, row, 0, row.length);
      for (int j = 0; j < row.length; j++) {
        values[i * row.length + j] = row[j];
      }
    }
    return values;
  }

  /** {@code B = UΣ}, {@code A = Vᵀ} of the largest singular values of w. */
  public static LowRankStart ofSpectrum(double[] w, int out, int in, int rank) {
    Lapack.Svd svd = Lapack.svd(w, out, in);
    float[] a = new float[rank * in];
    float[] b = new float[out * rank];
    for (int i = 0; i < rank; i++) {
      for (int j = 0; j < in; j++) {
        a[i * in + j] = (float) svd.vt()[i * in + j];
      }
      for (int j = 0; j < out; j++) {
        b[j * rank + i] = (float) (svd.u()[j * svd.sigma().length + i] * svd.sigma()[i]);
      }
    }
    return new LowRankStart(a, b, rank);
  }

  /** {@code B = U√(Σ/scale)}, {@code A = √(Σ/scale)Vᵀ} of the largest singular values of w. */
  public static LowRankStart ofSvd(double[] w, int out, int in, int rank, double scale) {
    Lapack.Svd svd = Lapack.svd(w, out, in);
    return principal(svd.u(), svd.sigma(), svd.vt(), out, in, rank, scale);
  }

  /**
   * The same from a random sketch (Halko et al., arXiv:0909.4061, algorithm 4.4): as
   * torch.svd_lowrank does, on the transpose of w.
   *
   * @param omega {@code [out, sketch]}, Gaussian
   * @param iterations of the subspace
   */
  public static LowRankStart ofSketch(
      double[] w, int out, int in, int rank, double scale, double[] omega, int iterations) {
    int sketch = omega.length / out;
    double[] q = Lapack.orthonormal(Lapack.product(true, w, omega, in, sketch, out), in, sketch);
    for (int i = 0; i < iterations; i++) {
      double[] p = Lapack.orthonormal(Lapack.product(false, w, q, out, sketch, in), out, sketch);
      q = Lapack.orthonormal(Lapack.product(true, w, p, in, sketch, out), in, sketch);
    }
    double[] seen = Lapack.product(false, w, q, out, sketch, in);
    Lapack.Svd svd = Lapack.svd(seen, out, sketch);
    double[] vt = new double[sketch * in];
    for (int i = 0; i < sketch; i++) {
      for (int j = 0; j < in; j++) {
        double sum = 0;
        for (int k = 0; k < sketch; k++) {
          sum += svd.vt()[i * sketch + k] * q[j * sketch + k];
        }
        vt[i * in + j] = sum;
      }
    }
    return principal(svd.u(), svd.sigma(), vt, out, in, rank, scale);
  }

  /** A Gaussian sketch {@code [out, width]}, the same in every trial. */
  public static double[] omega(String name, int out, int width) {
    SplittableRandom random = new Seeds(0).random("sketch of " + name);
    double[] omega = new double[out * width];
    Arrays.setAll(omega, i -> random.nextGaussian());
    return omega;
  }

  private static LowRankStart principal(
      double[] u, double[] sigma, double[] vt, int out, int in, int rank, double scale) {
    float[] a = new float[rank * in];
    float[] b = new float[out * rank];
    for (int i = 0; i < rank; i++) {
      double root = Math.sqrt(sigma[i] / scale);
      for (int j = 0; j < in; j++) {
        a[i * in + j] = (float) (root * vt[i * in + j]);
      }
      for (int j = 0; j < out; j++) {
        b[j * rank + i] = (float) (root * u[j * sigma.length + i]);
      }
    }
    return new LowRankStart(a, b, rank);
  }

  /**
   * {@code B = Q[:, :rank]}, {@code A = R[:rank, :]} of {@code w = Q·R}.
   *
   * <p>Reflections go from left to right, so the first columns of w decide the first columns of Q,
   * and a weight may be wide.
   */
  public static LowRankStart ofQr(double[] w, int out, int in, int rank) {
    double[] first = new double[out * rank];
    for (int i = 0; i < out; i++) {
      System.arraycopy(w, i * in, first, i * rank, rank);
    }
    double[] q = Lapack.orthonormal(first, out, rank);
    double[] r = Lapack.product(true, q, w, rank, in, out);
    for (int i = 1; i < rank; i++) {
      // Zero but for rounding.
      Arrays.fill(r, i * in, i * in + i, 0);
    }
    float[] a = new float[r.length];
    float[] b = new float[q.length];
    for (int i = 0; i < a.length; i++) {
      a[i] = (float) r[i];
    }
    for (int i = 0; i < b.length; i++) {
      b[i] = (float) q[i];
    }
    return new LowRankStart(a, b, rank);
  }
}
