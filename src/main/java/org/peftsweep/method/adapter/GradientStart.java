package org.peftsweep.method.adapter;

import org.peftsweep.compute.Lapack;

/** The start that a weight's gradient gives to LoRA-GA. */
public final class GradientStart {
  /** Which of the 2·rank largest singular vectors each factor takes, counted from 0. */
  public enum Direction {
    /** A the first half, B the second. */
    A_FIRST,
    /** B the first half, A the second. */
    B_FIRST,
    /** B those of even numbers, A those of odd ones. */
    ALTERNATING
  }

  /** How far the start reaches. */
  public enum Scale {
    /** B times {@code ∜rows/√gamma}, so that outputs keep their size whatever the shape. */
    STABLE,
    /** B times the weight's largest singular value over B's own. */
    WEIGHT,
    /** Both factors over {@code alpha/rank}. */
    STEP,
    /** As the gradient is. */
    UNIT
  }

  /**
   * What a start depends on besides weight and gradient.
   *
   * @param factor of the adapter, {@code alpha/rank}
   */
  public record Settings(int rank, double factor, Direction direction, Scale scale, double gamma) {}

  private GradientStart() {}

  /**
   * Returns the start of a weight {@code [out, in]}; gradient and w are overwritten.
   *
   * @param w the weight, read where the scale asks for it
   */
  static LowRankStart of(double[] gradient, double[] w, int out, int in, Settings settings) {
    Lapack.Svd svd = Lapack.svd(gradient, out, in);
    int rank = settings.rank;
    int all = svd.sigma().length;
    double ofA = 1;
    double ofB = 1;
    switch (settings.scale) {
      case STABLE -> ofB = Math.sqrt(Math.sqrt(out)) / Math.sqrt(settings.gamma);
      case WEIGHT -> {
        double first = svd.sigma()[ofB(settings, 0)];
        ofB = first > 0 ? Lapack.svd(w, out, in).sigma()[0] / first : 1;
      }
      case STEP -> {
        ofA = 1 / settings.factor;
        ofB = ofA;
      }
      default -> {}
    }
    float[] a = new float[rank * in];
    float[] b = new float[out * rank];
    for (int i = 0; i < rank; i++) {
      int row = ofA(settings, i);
      int column = ofB(settings, i);
      for (int j = 0; j < in; j++) {
        a[i * in + j] = (float) (ofA * svd.vt()[row * in + j]);
      }
      for (int j = 0; j < out; j++) {
        b[j * rank + i] = (float) (ofB * svd.sigma()[column] * svd.u()[j * all + column]);
      }
    }
    return new LowRankStart(a, b, rank);
  }

  private static int ofA(Settings settings, int i) {
    return switch (settings.direction) {
      case A_FIRST -> i;
      case B_FIRST -> settings.rank + i;
      case ALTERNATING -> 2 * i + 1;
    };
  }

  private static int ofB(Settings settings, int i) {
    return switch (settings.direction) {
      case A_FIRST -> settings.rank + i;
      case B_FIRST -> i;
      case ALTERNATING -> 2 * i;
    };
  }
}
