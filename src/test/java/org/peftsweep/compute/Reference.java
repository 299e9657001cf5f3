package org.peftsweep.compute;

import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.apache.commons.math3.special.Erf;

/** Kernels as plain loops in double precision; gradients by central differences of those loops. */
final class Reference {
  private static final double STEP = 1e-5;

  private Reference() {}

  /** Returns {@code dyᵀ·∂f/∂x}. */
  static double[] gradient(UnaryOperator<double[]> f, double[] x, double[] dy) {
    double[] gradient = new double[x.length];
    double[] moved = x.clone();
    for (int i = 0; i < x.length; i++) {
      moved[i] = x[i] + STEP;
      double[] above = f.apply(moved);
      moved[i] = x[i] - STEP;
      double[] below = f.apply(moved);
      moved[i] = x[i];
      double sum = 0;
      for (int j = 0; j < dy.length; j++) {
        sum += dy[j] * (above[j] - below[j]);
      }
      gradient[i] = sum / (2 * STEP);
    }
    return gradient;
  }

  static double[] gemm(
      boolean ta, boolean tb, double alpha, double[] a, double[] b, int m, int n, int k) {
    double[] c = new double[m * n];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int l = 0; l < k; l++) {
          sum += (ta ? a[l * m + i] : a[i * k + l]) * (tb ? b[j * k + l] : b[l * n + j]);
        }
        c[i * n + j] = alpha * sum;
      }
    }
    return c;
  }

  static double gelu(double x) {
    // By erfc on the left, where 1 + erf would cancel.
    double phi = x < 0 ? 0.5 * Erf.erfc(-x / Math.sqrt(2)) : 0.5 * (1 + Erf.erf(x / Math.sqrt(2)));
    return x * phi;
  }

  static double[] gelu(double[] x, double[] bias) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = gelu(bias == null ? x[i] : x[i] + bias[i % bias.length]);
    }
    return y;
  }

  static double[] swiglu(double[] gate, double[] up) {
    double[] y = new double[gate.length];
    for (int i = 0; i < y.length; i++) {
      y[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
    }
    return y;
  }

  static double[] layerNorm(double[] x, double[] gamma, double[] beta, double epsilon) {
    int width = gamma.length;
    double[] y = new double[x.length];
    for (int row = 0; row < x.length; row += width) {
      double mean = Arrays.stream(x, row, row + width).sum() / width;
      double variance = 0;
      for (int j = 0; j < width; j++) {
        variance += (x[row + j] - mean) * (x[row + j] - mean) / width;
      }
      for (int j = 0; j < width; j++) {
        y[row + j] = (x[row + j] - mean) / Math.sqrt(variance + epsilon) * gamma[j] + beta[j];
      }
    }
    return y;
  }

  static double[] rmsNorm(double[] x, double[] gamma, double epsilon) {
    int width = gamma.length;
    double[] y = new double[x.length];
    for (int row = 0; row < x.length; row += width) {
      double square = Arrays.stream(x, row, row + width).map(v -> v * v).sum() / width;
      for (int j = 0; j < width; j++) {
        y[row + j] = x[row + j] / Math.sqrt(square + epsilon) * gamma[j];
      }
    }
    return y;
  }

  static boolean sees(AttentionShape s, int[] mask, int b, int query, int key) {
    int other = mask[b * s.tokens() + key];
    if (other == 0 || !s.causal()) {
      return other != 0;
    }
    int own = mask[b * s.tokens() + query];
    return key <= query && (own <= 0 || other < 0 || own == other);
  }

  static boolean seesAny(AttentionShape s, int[] mask, int b, int query) {
    for (int key = 0; key < s.tokens(); key++) {
      if (sees(s, mask, b, query, key)) {
        return true;
      }
    }
    return false;
  }

  /** Returns the scores {@code [batch·heads, queries, tokens]} before masking. */
  static double[] scores(AttentionShape s, double[] q, double[] k) {
    int t = s.tokens();
    int n = s.queries();
    int w = s.headWidth();
    int qWidth = s.heads() * w;
    int kWidth = s.keyHeads() * w;
    double[] scores = new double[s.batch() * s.heads() * n * t];
    for (int b = 0; b < s.batch(); b++) {
      for (int h = 0; h < s.heads(); h++) {
        int kh = h / (s.heads() / s.keyHeads());
        for (int i = 0; i < n; i++) {
          for (int j = 0; j < t; j++) {
            double score = 0;
            for (int c = 0; c < w; c++) {
              score += q[(b * n + i) * qWidth + h * w + c] * k[(b * t + j) * kWidth + kh * w + c];
            }
            score /= Math.sqrt(w);
            scores[((b * s.heads() + h) * n + i) * t + j] =
                s.cap() > 0 ? s.cap() * Math.tanh(score / s.cap()) : score;
          }
        }
      }
    }
    return scores;
  }

  /** Adds a bias {@code [groups·queries, tokens]}, heads after heads. */
  static double[] shifted(AttentionShape s, double[] scores, double[] bias) {
    double[] sum = scores.clone();
    int area = s.queries() * s.tokens();
    int groups = bias.length / area;
    for (int at = 0; at < sum.length; at++) {
      int b = at / area / s.heads();
      int h = at / area % s.heads();
      int group = groups == 1 ? 0 : groups == s.heads() ? h : h * s.batch() + b;
      sum[at] += bias[group * area + at % area];
    }
    return sum;
  }

  /**
   * Attention. Rows that see no key use {@code score − anchor}: with the scores at the point of
   * interest as the anchor they attend evenly there, while differences still pass through the
   * softmax.
   *
   * @param logSum receives the logarithm of each denominator, or null
   */
  static double[] attention(
      AttentionShape s,
      long seed,
      double[] q,
      double[] k,
      double[] v,
      int[] mask,
      double[] anchor,
      double[] logSum) {
    double[] none = new double[s.queries() * s.tokens()];
    return attention(s, seed, q, k, v, none, mask, anchor, logSum);
  }

  /** The same with a bias of scores. */
  static double[] attention(
      AttentionShape s,
      long seed,
      double[] q,
      double[] k,
      double[] v,
      double[] bias,
      int[] mask,
      double[] anchor,
      double[] logSum) {
    int t = s.tokens();
    int n = s.queries();
    int w = s.headWidth();
    int qWidth = s.heads() * w;
    int kWidth = s.keyHeads() * w;
    double[] scores = shifted(s, scores(s, q, k), bias);
    double[] out = new double[q.length];
    double[] weights = new double[t];
    for (int row = 0; row < s.batch() * s.heads() * n; row++) {
      int b = row / (s.heads() * n);
      int h = row / n % s.heads();
      int i = row % n;
      int kh = h / (s.heads() / s.keyHeads());
      boolean seesAny = seesAny(s, mask, b, i);
      double sum = 0;
      for (int j = 0; j < t; j++) {
        int at = row * t + j;
        double score = seesAny ? scores[at] : scores[at] - anchor[at];
        weights[j] = !seesAny || sees(s, mask, b, i, j) ? Math.exp(score) : 0;
        sum += weights[j];
      }
      if (logSum != null) {
        logSum[row] = Math.log(sum);
      }
      for (int j = 0; j < t; j++) {
        double weight = weights[j] / sum;
        if (s.dropout() > 0) {
          boolean kept = Dropout.keeps(seed, (long) row * t + j, s.dropout());
          weight = kept ? weight / (1 - s.dropout()) : 0;
        }
        for (int c = 0; c < w; c++) {
          out[(b * n + i) * qWidth + h * w + c] += weight * v[(b * t + j) * kWidth + kh * w + c];
        }
      }
    }
    return out;
  }

  static double[] rotary(
      double[] x, double[] cos, double[] sin, int tokens, int heads, int width, int sign) {
    double[] y = new double[x.length];
    int half = width / 2;
    for (int row = 0; row < x.length / (heads * width); row++) {
      for (int h = 0; h < heads; h++) {
        for (int i = 0; i < half; i++) {
          int at = (row * heads + h) * width + i;
          double c = cos[row % tokens * half + i];
          double s = sign * sin[row % tokens * half + i];
          y[at] = x[at] * c - x[at + half] * s;
          y[at + half] = x[at + half] * c + x[at] * s;
        }
      }
    }
    return y;
  }
}
