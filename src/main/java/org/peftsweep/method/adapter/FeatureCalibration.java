package org.peftsweep.method.adapter;

import java.util.HashMap;
import java.util.Map;
import org.peftsweep.compute.Lapack;

/**
 * Brings features from before training to where those of the same examples are now, as DR-Tune
 * does: of lengths 1, they are turned about their mean by the rotation that fits best (Kabsch),
 * each class is shifted to its mean now, and all get the mean length of the features now.
 */
public final class FeatureCalibration {
  /** More values than this are no classes. */
  private static final int MOST_CLASSES = 100;

  private FeatureCalibration() {}

  /**
   * Returns the features {@code [rows, width]} from before, calibrated.
   *
   * @param labels of the rows; classes where they are whole numbers
   */
  public static float[] of(float[] before, float[] now, float[] labels, int width) {
    int rows = labels.length;
    double[] from = normed(before, width);
    double[] to = normed(now, width);
    double[] fromMean = mean(from, width);
    double[] toMean = mean(to, width);
    shift(from, fromMean, -1);
    double[] centred = to.clone();
    shift(centred, toMean, -1);
    double[] turned =
        Lapack.product(false, from, rotation(from, centred, width), rows, width, width);
    shift(turned, toMean, 1);
    shiftClasses(turned, to, labels, width);
    double length = meanLength(now, width);
    float[] calibrated = new float[before.length];
    for (int row = 0; row < rows; row++) {
      double own = length(turned, row, width);
      for (int i = row * width; i < (row + 1) * width; i++) {
        calibrated[i] = own == 0 ? 0 : (float) (turned[i] / own * length);
      }
    }
    return calibrated;
  }

  /**
   * Returns the rotation R {@code [width, width]}, of determinant 1, for which {@code from·R} is
   * nearest to {@code to}; rows of both have the mean 0.
   */
  static double[] rotation(double[] from, double[] to, int width) {
    int rows = from.length / width;
    Lapack.Svd svd = Lapack.svd(Lapack.product(true, from, to, width, width, rows), width, width);
    double[] rotation = Lapack.product(false, svd.u(), svd.vt(), width, width, width);
    if (hasNegativeDeterminant(rotation, width)) {
      double[] u = svd.u();
      for (int i = 1; i <= width; i++) {
        u[i * width - 1] *= -1;
      }
      rotation = Lapack.product(false, u, svd.vt(), width, width, width);
    }
    return rotation;
  }

  /** By elimination with the largest pivot of each column. */
  static boolean hasNegativeDeterminant(double[] matrix, int side) {
    double[] a = matrix.clone();
    boolean isNegative = false;
    for (int column = 0; column < side; column++) {
      int pivot = column;
      for (int row = column + 1; row < side; row++) {
        if (Math.abs(a[row * side + column]) > Math.abs(a[pivot * side + column])) {
          pivot = row;
        }
      }
      if (pivot != column) {
        isNegative = !isNegative;
        for (int j = 0; j < side; j++) {
          double swapped = a[pivot * side + j];
          a[pivot * side + j] = a[column * side + j];
          a[column * side + j] = swapped;
        }
      }
      double top = a[column * side + column];
      isNegative ^= top < 0;
      for (int row = column + 1; row < side && top != 0; row++) {
        double factor = a[row * side + column] / top;
        for (int j = column; j < side && factor != 0; j++) {
          a[row * side + j] -= factor * a[column * side + j];
        }
      }
    }
    return isNegative;
  }

  private static void shiftClasses(double[] turned, double[] to, float[] labels, int width) {
    Map<Float, double[]> shifts = new HashMap<>();
    Map<Float, Integer> counts = new HashMap<>();
    boolean areClasses = areClasses(labels);
    for (int row = 0; row < labels.length; row++) {
      float label = areClasses ? labels[row] : 0;
      double[] shift = shifts.computeIfAbsent(label, any -> new double[width]);
      counts.merge(label, 1, Integer::sum);
      for (int j = 0; j < width; j++) {
        shift[j] += to[row * width + j] - turned[row * width + j];
      }
    }
    for (int row = 0; row < labels.length; row++) {
      float label = areClasses ? labels[row] : 0;
      for (int j = 0; j < width; j++) {
        turned[row * width + j] += shifts.get(label)[j] / counts.get(label);
      }
    }
  }

  private static boolean areClasses(float[] labels) {
    for (float label : labels) {
      if (label != (int) label || label < 0 || label > MOST_CLASSES) {
        return false;
      }
    }
    return true;
  }

  private static double[] normed(float[] features, int width) {
    double[] normed = new double[features.length];
    for (int i = 0; i < normed.length; i++) {
      normed[i] = features[i];
    }
    for (int row = 0; row < normed.length / width; row++) {
      double length = length(normed, row, width);
      for (int i = row * width; i < (row + 1) * width && length != 0; i++) {
        normed[i] /= length;
      }
    }
    return normed;
  }

  private static double meanLength(float[] features, int width) {
    double sum = 0;
    for (int row = 0; row < features.length / width; row++) {
      double squares = 0;
      for (int i = row * width; i < (row + 1) * width; i++) {
        squares += (double) features[i] * features[i];
      }
      sum += Math.sqrt(squares);
    }
    return sum / (features.length / width);
  }

  private static double length(double[] features, int row, int width) {
    double squares = 0;
    for (int i = row * width; i < (row + 1) * width; i++) {
      squares += features[i] * features[i];
    }
    return Math.sqrt(squares);
  }

  private static double[] mean(double[] features, int width) {
    double[] mean = new double[width];
    for (int i = 0; i < features.length; i++) {
      mean[i % width] += features[i] * width / features.length;
    }
    return mean;
  }

  private static void shift(double[] features, double[] by, int sign) {
    for (int i = 0; i < features.length; i++) {
      features[i] += sign * by[i % by.length];
    }
  }
}
