package org.peftsweep.stats;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.ArrayRealVector;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.RealVector;
import org.apache.commons.math3.linear.SingularValueDecomposition;

/**
 * How much of the variance of scores each swept axis explains: a functional analysis of variance.
 *
 * <p>The share of an axis is the sum of squares that the model of all axes' main effects loses
 * without it; that of a pair is the sum of squares that the model of all main effects and pairs
 * loses without their interaction; both over the total. On a balanced grid these are the classical,
 * orthogonal shares, which is what functional ANOVA computes on a full grid (Hutter et al., 2014,
 * §2). On a grid with holes what several explain equally well is ascribed to none (type II sums of
 * squares; Langsrud, 2003).
 *
 * <p>Axes are aliased where some effect of one is an effect of others too, as if q+k+v only ran
 * with λ = 1: such axes are one effect, and no share of one of them by itself exists. A pair whose
 * interaction cannot be told from the other effects is left out.
 *
 * @param axes share of each axis, in [0, 1], by its name; of aliased ones together by {@code "a +
 *     b"}
 * @param pairs share of each interaction of two of these, by {@code "a × b"}
 * @param inseparable the axes of each aliased effect, by its name in {@code axes}
 * @param rest what is left: higher interactions, what is ascribed to none, and seeds. Shares and
 *     the rest sum up to 1, or to 0 where all scores are the same
 */
public record Importance(
    SortedMap<String, Double> axes,
    SortedMap<String, Double> pairs,
    SortedMap<String, List<String>> inseparable,
    double rest) {
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
    List<List<String>> main = effects(axes, fit);
    SortedMap<String, List<String>> inseparable = new TreeMap<>();
    main.stream()
        .filter(axis -> axis.size() > 1)
        .forEach(axis -> inseparable.put(name(axis), axis));
    SortedMap<String, Double> ofAxes = new TreeMap<>();
    SortedMap<String, Double> ofPairs = new TreeMap<>();
    double total = fit.of(List.of()).left();
    if (total < 1e-12 * scores.length) {
      main.forEach(axis -> ofAxes.put(name(axis), 0.0));
      return new Importance(ofAxes, ofPairs, inseparable, 0);
    }
    Model ofMain = fit.of(main);
    for (List<String> axis : main) {
      double lost = fit.of(without(main, axis)).left() - ofMain.left();
      ofAxes.put(name(axis), Math.max(0, lost / total));
    }
    limit(ofAxes, 1 - ofMain.left() / total);
    Map<String, List<String>> pairs = new TreeMap<>();
    for (int i = 0; i < main.size(); i++) {
      for (int j = i + 1; j < main.size(); j++) {
        List<String> both = Stream.concat(main.get(i).stream(), main.get(j).stream()).toList();
        pairs.put(name(main.get(i)) + " × " + name(main.get(j)), both);
      }
    }
    List<List<String>> all = Stream.concat(main.stream(), pairs.values().stream()).toList();
    Model ofAll = fit.of(all);
    pairs.forEach(
        (name, pair) -> {
          Model less = fit.of(without(all, pair));
          if (less.rank() < ofAll.rank()) {
            ofPairs.put(name, Math.max(0, (less.left() - ofAll.left()) / total));
          }
        });
    limit(ofPairs, (ofMain.left() - ofAll.left()) / total);
    double explained =
        Stream.of(ofAxes.values(), ofPairs.values())
            .flatMap(Collection::stream)
            .mapToDouble(share -> share)
            .sum();
    return new Importance(ofAxes, ofPairs, inseparable, Math.max(0, 1 - explained));
  }

  /** Returns the axes, those that are aliased with each other together. */
  private static List<List<String>> effects(List<String> axes, Fit fit) {
    List<List<String>> single = axes.stream().map(List::of).toList();
    int full = fit.of(single).rank();
    List<List<String>> effects = new ArrayList<>();
    for (String axis : axes) {
      List<String> merged = new ArrayList<>(List.of(axis));
      for (List<String> effect : List.copyOf(effects)) {
        if (effect.stream().anyMatch(other -> areAliased(axis, other, single, full, fit))) {
          effects.remove(effect);
          merged.addAll(effect);
        }
      }
      effects.add(merged.stream().sorted().toList());
    }
    return effects;
  }

  /** Whether leaving out both loses more effects than leaving out each does. */
  private static boolean areAliased(
      String one, String other, List<List<String>> all, int full, Fit fit) {
    List<List<String>> less = without(all, List.of(one));
    int lostOne = full - fit.of(less).rank();
    int lostOther = full - fit.of(without(all, List.of(other))).rank();
    return full - fit.of(without(less, List.of(other))).rank() > lostOne + lostOther;
  }

  private static List<List<String>> without(List<List<String>> effects, List<String> one) {
    return effects.stream().filter(effect -> !effect.equals(one)).toList();
  }

  private static String name(List<String> effect) {
    return String.join(" + ", effect);
  }

  /** Where effects mask each other, each explains more beyond the others than all do together. */
  private static void limit(SortedMap<String, Double> shares, double most) {
    double sum = shares.values().stream().mapToDouble(share -> share).sum();
    if (sum > most) {
      shares.replaceAll((name, share) -> sum == 0 ? 0 : share * Math.max(0, most) / sum);
    }
  }

  /**
   * A least-squares model.
   *
   * @param left the sum of squares that it leaves
   * @param rank how many effects it tells apart, the constant included
   */
  private record Model(double left, int rank) {}

  /** Least squares of indicator columns. */
  private record Fit(List<SortedMap<String, String>> settings, double[] scores) {
    /** Fits the constant and the given effects. */
    Model of(List<List<String>> effects) {
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
      SingularValueDecomposition parts = new SingularValueDecomposition(matrix);
      RealVector weights = parts.getSolver().solve(values);
      double norm = values.subtract(matrix.operate(weights)).getNorm();
      return new Model(norm * norm, parts.getRank());
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
