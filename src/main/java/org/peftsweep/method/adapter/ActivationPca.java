package org.peftsweep.method.adapter;

import java.util.Arrays;
import org.peftsweep.compute.Lapack;

/**
 * Principal components of activations that arrive batch by batch.
 *
 * <p>Ross et al., "Incremental learning for robust visual tracking", 2008, in the form that PEFT
 * uses: each batch is stacked under the components so far, with a row for the shift of the mean,
 * and decomposed exactly.
 */
final class ActivationPca {
  private final int components;
  private final int width;
  private final double[] mean;
  private final boolean[] settled;
  private double variation;
  private long seen;
  private double[] rows;
  private double[] sigma;

  /**
   * @param components to keep, at most {@code width}
   * @param width of an activation
   */
  ActivationPca(int components, int width) {
    this.components = components;
    this.width = width;
    this.mean = new double[width];
    this.settled = new boolean[components];
  }

  /**
   * Takes in a batch {@code [count, width]}, count at least the number of components.
   *
   * @param cosine between a component before and after from which on it counts as settled
   */
  void add(double[] batch, int count, double cosine) {
    double[] batchMean = new double[width];
    for (int i = 0; i < batch.length; i++) {
      batchMean[i % width] += batch[i] / count;
    }
    boolean isFirst = rows == null;
    int above = isFirst ? 0 : components;
    int stacked = isFirst ? count : components + count + 1;
    double[] stack = new double[stacked * width];
    for (int i = 0; i < above * width; i++) {
      stack[i] = sigma[i / width] * rows[i];
    }
    for (int i = 0; i < batch.length; i++) {
      double centred = batch[i] - batchMean[i % width];
      stack[above * width + i] = centred;
      variation += centred * centred;
    }
    double weight = (double) seen / (seen + count) * count;
    for (int j = 0; j < width; j++) {
      double shift = mean[j] - batchMean[j];
      if (!isFirst) {
        stack[(stacked - 1) * width + j] = Math.sqrt(weight) * shift;
        variation += weight * shift * shift;
      }
      mean[j] += (batchMean[j] - mean[j]) * count / (seen + count);
    }
    seen += count;
    Lapack.Svd svd = Lapack.svd(stack, stacked, width);
    double[] before = rows;
    rows = Arrays.copyOf(svd.vt(), components * width);
    sigma = Arrays.copyOf(svd.sigma(), components);
    for (int i = 0; i < components && before != null; i++) {
      settled[i] = cosine(before, i) >= cosine;
    }
  }

  private double cosine(double[] before, int component) {
    double product = 0;
    for (int j = component * width; j < (component + 1) * width; j++) {
      product += before[j] * rows[j];
    }
    return product;
  }

  /** Whether a batch was taken in. */
  boolean hasComponents() {
    return rows != null;
  }

  /** Whether the first so many components hardly moved with the last batch. */
  boolean isSettled(int first) {
    for (int i = 0; i < first; i++) {
      if (!settled[i]) {
        return false;
      }
    }
    return true;
  }

  /** Returns the share of the variation that a component explains. */
  double explained(int component) {
    return variation == 0 ? 0 : sigma[component] * sigma[component] / variation;
  }

  /** Returns the first so many components {@code [first, width]}, orthonormal. */
  float[] first(int first) {
    float[] values = new float[first * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) rows[i];
    }
    return values;
  }
}
