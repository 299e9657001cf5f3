package org.peftsweep.search;

import java.util.SplittableRandom;

/**
 * A density on the unit interval in cells: points smoothed by a normal kernel, or counted where no
 * value is near another, over one uniform point of prior belief.
 *
 * <p>Cells make its cost independent of the number of points.
 */
final class Parzen {
  /** Of a range. */
  static final int CELLS = 128;

  private static final double LEAST_WIDTH = 0.01;

  private final double[] mass;
  private double all;
  private double[] density;

  Parzen(int cells) {
    this.mass = new double[cells];
  }

  /** Adds a point; a weight below 1 is of one that tells less. */
  void add(double place, double weight) {
    mass[Math.min(mass.length - 1, (int) (place * mass.length))] += weight;
    all += weight;
  }

  /** Turns points into the density; called once, after the last of them. */
  Parzen close(boolean isSmooth) {
    int cells = mass.length;
    density = new double[cells];
    double[] sum = isSmooth && all > 0 ? smoothed() : mass;
    for (int i = 0; i < cells; i++) {
      density[i] = (1 + sum[i] * cells) / (1 + all);
    }
    return this;
  }

  private double[] smoothed() {
    int cells = mass.length;
    double mean = 0;
    for (int i = 0; i < cells; i++) {
      mean += mass[i] * (i + 0.5) / cells / all;
    }
    double squares = 0;
    for (int i = 0; i < cells; i++) {
      double d = (i + 0.5) / cells - mean;
      squares += mass[i] * d * d / all;
    }
    // Scott's rule, but never narrower than so few points can tell.
    double scott = 1.06 * Math.sqrt(squares) * Math.pow(all, -0.2);
    double width = Math.max(Math.max(scott, LEAST_WIDTH), 1 / (1 + Math.min(100, all)) / 2);
    double[] kernel = new double[cells];
    double[] cumulative = new double[cells + 1];
    for (int d = 0; d < cells; d++) {
      double z = d / (width * cells);
      kernel[d] = Math.exp(-0.5 * z * z);
      cumulative[d + 1] = cumulative[d] + kernel[d];
    }
    double[] sum = new double[cells];
    for (int i = 0; i < cells; i++) {
      if (mass[i] > 0) {
        // What a kernel would have outside of the interval lies inside.
        double whole = cumulative[i + 1] + cumulative[cells - i] - kernel[0];
        for (int j = 0; j < cells; j++) {
          sum[j] += mass[i] * kernel[Math.abs(i - j)] / whole;
        }
      }
    }
    return sum;
  }

  /** Returns the density at a place; its mean is 1. */
  double at(double place) {
    return density[Math.min(density.length - 1, (int) (place * density.length))];
  }

  /** Draws a place. */
  double draw(SplittableRandom random) {
    double left = random.nextDouble() * density.length;
    int cell = 0;
    while (cell < density.length - 1 && left >= density[cell]) {
      left -= density[cell];
      cell++;
    }
    return (cell + random.nextDouble()) / density.length;
  }
}
