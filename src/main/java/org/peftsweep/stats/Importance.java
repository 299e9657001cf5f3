package org.peftsweep.stats;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.ArrayRealVector;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.RealVector;
import org.apache.commons.math3.linear.SingularValueDecomposition;

/**
 * How much of the variance of scores each swept axis explains: a functional analysis of variance.
 *
 * <p>The share of an axis is the sum of squares that the model of all axes' main effects loses
 * without it; that of a pair is the sum of squares that the model gains with their interaction;
 * both over the total. On a balanced grid these are the classical, orthogonal shares, which is what
 * functional ANOVA computes on a full grid (Hutter et al., 2014, §2); on an unbalanced one they are
 * type II sums of squares (Langsrud, 2003), which do not ascribe to an axis what another explains
 * as well, so that shares need not sum up to 1 with the rest.
 *
 * @param axes share of each axis, in [0, 1]
 * @param pairs share of each interaction of two axes, by {@code "a × b"}
 * @param rest what main effects and pairs together leave: higher interactions and seeds
 */
public record Importance(
    SortedMap<String, Double> axes, SortedMap<String, Double> pairs, double rest) {

  /**
   * Computes the shares.
   *
   * @param settings the value of each axis, by name of the axis; the same axes for every score
   * @param scores as many; if they are all the same every share is 0
   */
  public static Importance of(List<SortedMap<String, String>> settings, double[] scores) {
    if (settings.size() != scores.length || scores.length == 0) {
      throw new IllegalArgumentException(
          "Cannot explain " + scores.length + " scores by " + settings.size() + " settings");
    }
    List<String> axes =
        settings.get(0).keySet().stream()
            .filter(axis -> settings.stream().map(row -> row.get(axis)).distinct().count() > 1)
            .toList();
    Fit fit = new Fit(settings, scores);
    double total = fit.left(List.of());
    SortedMap<String, Double> ofAxes = new TreeMap<>();
    SortedMap<String, Double> ofPairs = new TreeMap<>();
    if (total < 1e-12 * scores.length) {
      axes.forEach(axis -> ofAxes.put(axis, 0.0));
      return new Importance(ofAxes, ofPairs, 0);
    }
    List<List<String>> main = axes.stream().map(List::of).toList();
    double left = fit.left(main);
    for (List<String> axis : main) {
      List<List<String>> others = new ArrayList<>(main);
      others.remove(axis);
      ofAxes.put(axis.get(0), share(fit.left(others) - left, total));
    }
    List<List<String>> all = new ArrayList<>(main);
    for (int i = 0; i < axes.size(); i++) {
      for (int j = i + 1; j < axes.size(); j++) {
        List<String> pair = List.of(axes.get(i), axes.get(j));
        List<List<String>> more = new ArrayList<>(main);
        more.add(pair);
        all.add(pair);
        ofPairs.put(String.join(" × ", pair), share(left - fit.left(more), total));
      }
    }
    return new Importance(ofAxes, ofPairs, share(fit.left(all), total));
  }

  private static double share(double squares, double total) {
    return Math.min(1, Math.max(0, squares / total));
  }

  /** Least squares of indicator columns. */
  private record Fit(List<SortedMap<String, String>> settings, double[] scores) {
    /** Returns the sum of squares that the constant and the given effects leave. */
    double left(List<List<String>> effects) {
      List<double[]> columns = new ArrayList<>();
      double[] constant = new double[scores.length];
      Arrays.fill(constant, 1);
      columns.add(constant);
      effects.forEach(effect -> columns.addAll(indicators(effect)));
      double[][] rows = new double[scores.length][columns.size()];
      for (int i = 0; i < scores.length; i++) {
        for (int j = 0; j < columns.size(); j++) {
          rows[i][j] = columns.get(j)[i];
        }
      }
      RealMatrix matrix = new Array2DRowRealMatrix(rows, false);
      RealVector values = new ArrayRealVector(scores);
      // Indicators depend on each other; the pseudo-inverse does not mind.
      RealVector weights = new SingularValueDecomposition(matrix).getSolver().solve(values);
      double norm = values.subtract(matrix.operate(weights)).getNorm();
      return norm * norm;
    }

    private List<double[]> indicators(List<String> effect) {
      List<String> cells =
          settings.stream().map(row -> effect.stream().map(row::get).toList().toString()).toList();
      List<double[]> columns = new ArrayList<>();
      for (String cell : new TreeSet<>(cells)) {
        columns.add(cells.stream().mapToDouble(other -> other.equals(cell) ? 1 : 0).toArray());
      }
      return columns;
    }
  }
}
