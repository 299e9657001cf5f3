package org.peftsweep.optim;

/**
 * Shape of the learning rate over the steps, as the reference trainer defines it: a linear rise
 * from 0 during warm-up, then one of these.
 */
public enum Schedule {
  /** Falls to 0 in a straight line. */
  LINEAR {
    @Override
    double after(int step, int total, int warmup) {
      return Math.max(0, (total - step) / (double) Math.max(1, total - warmup));
    }
  },
  /** Half a period of a cosine, from 1 to 0. */
  COSINE {
    @Override
    double after(int step, int total, int warmup) {
      double progress = (step - warmup) / (double) Math.max(1, total - warmup);
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
    }
  },
  /** Stays. */
  CONSTANT {
    @Override
    double after(int step, int total, int warmup) {
      return 1;
    }
  };

  /**
   * Returns the factor on every rate.
   *
   * @param step completed optimizer steps: the first step is 0, so it has factor 0 where there is a
   *     warm-up
   */
  public double factor(int step, int total, int warmup) {
    return step < warmup ? step / (double) Math.max(1, warmup) : after(step, total, warmup);
  }

  /** Returns {@code ⌈total·fraction⌉}. */
  public static int warmupSteps(int total, double fraction) {
    return (int) Math.ceil(total * fraction);
  }

  abstract double after(int step, int total, int warmup);
}
