package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.peftsweep.spec.Axes;
import org.peftsweep.spec.Claim;
import org.peftsweep.stats.MeanTest;

/**
 * What a task's runs say of a statement: the differences between its sides in every pair of recipes
 * that differ in what the statement names alone, seed by seed.
 *
 * <p>A difference is one of scores, or of logarithms to the base 10 where the statement compares by
 * factors.
 */
final class Evidence {
  /** Of the lower of two sides' best scores: who trains to the end reaches it. */
  private static final double TARGET = 0.95;

  /**
   * Two recipes.
   *
   * @param differences by seed, of the seeds that both have
   */
  record Pair(Side first, Side second, SortedMap<Long, Double> differences) {}

  /**
   * Recipes of which the best stands for a side; where nothing is chosen it is one.
   *
   * @param best the one
   */
  record Side(List<Cell> cells, Cell best) {
    static Side of(List<Cell> cells) {
      return new Side(cells, Choice.best(cells));
    }
  }

  private final Claim claim;
  private final String task;
  private final List<Cell> cells;
  private final Curves curves;
  private final List<Pair> pairs = new ArrayList<>();

  private Evidence(Claim claim, String task, List<Cell> cells, Curves curves) {
    this.claim = claim;
    this.task = task;
    this.cells = cells;
    this.curves = curves;
  }

  /**
   * Looks for the pairs of a statement.
   *
   * @param cells of the task
   */
  static Evidence of(Claim claim, String task, List<Cell> cells, Curves curves) {
    Evidence evidence = new Evidence(claim, task, cells, curves);
    List<Side> seconds = evidence.sides(claim.second());
    for (Side first : evidence.sides(claim.first())) {
      for (Side second : seconds) {
        if (first != second && evidence.arePair(first.best().axes(), second.best().axes())) {
          evidence.pairs.add(new Pair(first, second, evidence.differences(first, second)));
        }
      }
    }
    return evidence;
  }

  private List<Side> sides(Map<String, List<String>> filter) {
    Map<SortedMap<String, String>, List<Cell>> sides = new LinkedHashMap<>();
    for (Cell cell : cells) {
      if (cell.is(filter)) {
        sides.computeIfAbsent(cell.without(free()), key -> new ArrayList<>()).add(cell);
      }
    }
    return sides.values().stream().map(Side::of).toList();
  }

  /** What each side has of its own. */
  private Set<String> free() {
    Set<String> free = new TreeSet<>(claim.bestOf());
    if (claim.measure() == Claim.Measure.BEST_LEARNING_RATE) {
      free.add(Cell.LEARNING_RATE);
    }
    return free;
  }

  /** Whether recipes are alike in all that the second side does not name. */
  private boolean arePair(SortedMap<String, String> first, SortedMap<String, String> second) {
    Set<String> free = free();
    return first.keySet().stream()
        .filter(axis -> !free.contains(axis) && !claim.second().containsKey(axis))
        .filter(axis -> claim.first().containsKey(axis) || second.containsKey(axis))
        .allMatch(axis -> Axes.areSame(first.get(axis), second.get(axis)));
  }

  private SortedMap<Long, Double> differences(Side first, Side second) {
    return switch (claim.measure()) {
      case SCORE -> minus(gain(first.best()), gain(second.best()));
      case BEST_LEARNING_RATE -> minus(bestRates(first), bestRates(second));
      case STEPS -> steps(first.best(), second.best());
    };
  }

  /** Scores, or how far they are above those of the same recipe with other settings. */
  private SortedMap<Long, Double> gain(Cell cell) {
    if (claim.less().isEmpty()) {
      return cell.scores();
    }
    SortedMap<String, String> without = new TreeMap<>(cell.axes());
    without.putAll(claim.less());
    return find(without).map(other -> minus(cell.scores(), other.scores())).orElseGet(TreeMap::new);
  }

  /** Returns the cell of these axes. */
  private Optional<Cell> find(SortedMap<String, String> axes) {
    return cells.stream()
        .filter(cell -> cell.axes().keySet().equals(axes.keySet()))
        .filter(
            cell ->
                axes.entrySet().stream()
                    .allMatch(
                        axis -> Axes.areSame(cell.axes().get(axis.getKey()), axis.getValue())))
        .findFirst();
  }

  /** Returns by seed the logarithm of the rate with the best score, of several. */
  private static SortedMap<Long, Double> bestRates(Side side) {
    SortedMap<Long, Double> rates = new TreeMap<>();
    Choice choice = Choice.among(side.cells());
    Map<Cell, SortedMap<Long, Double>> scores = new LinkedHashMap<>();
    side.cells().forEach(cell -> scores.put(cell, choice.scores(cell)));
    Set<Long> common = new TreeSet<>(scores.values().iterator().next().keySet());
    scores.values().forEach(own -> common.retainAll(own.keySet()));
    for (Long seed : common) {
      double best = Choice.BROKEN;
      for (Cell cell : side.cells()) {
        if (scores.get(cell).get(seed) > best) {
          best = scores.get(cell).get(seed);
          rates.put(seed, Math.log10(Double.parseDouble(cell.axes().get(Cell.LEARNING_RATE))));
        }
      }
    }
    // One rate is no choice.
    return side.cells().size() < 2 ? new TreeMap<>() : rates;
  }

  private SortedMap<Long, Double> steps(Cell first, Cell second) {
    SortedMap<Long, Double> differences = new TreeMap<>();
    for (Run mine : first.runs()) {
      for (Run other : second.runs()) {
        if (mine.seed() == other.seed() && mine.isScored() && other.isScored()) {
          double target = TARGET * Math.min(curves.best(mine.id()), curves.best(other.id()));
          double steps = curves.steps(mine.id(), target) / curves.steps(other.id(), target);
          if (Double.isFinite(Math.log10(steps))) {
            differences.put(mine.seed(), Math.log10(steps));
          }
        }
      }
    }
    return differences;
  }

  private static SortedMap<Long, Double> minus(
      SortedMap<Long, Double> mine, SortedMap<Long, Double> others) {
    SortedMap<Long, Double> differences = new TreeMap<>();
    mine.forEach(
        (seed, score) -> {
          if (others.containsKey(seed)) {
            differences.put(seed, score - others.get(seed));
          }
        });
    return differences;
  }

  Claim claim() {
    return claim;
  }

  String task() {
    return task;
  }

  List<Pair> pairs() {
    return pairs;
  }

  /** Whether a recipe that is compared has a seed that broke. */
  boolean broke() {
    return pairs.stream()
        .anyMatch(pair -> pair.first().best().broke() || pair.second().best().broke());
  }

  /** Returns the mean difference of all pairs by seed, of the seeds that all have. */
  double[] differences() {
    return mean(pairs.stream().map(Pair::differences).toList());
  }

  private static double[] mean(Collection<SortedMap<Long, Double>> all) {
    Set<Long> common = new TreeSet<>();
    all.stream().findFirst().ifPresent(one -> common.addAll(one.keySet()));
    all.forEach(one -> common.retainAll(one.keySet()));
    return common.stream()
        .mapToDouble(
            seed -> all.stream().mapToDouble(one -> one.get(seed)).average().orElse(Double.NaN))
        .toArray();
  }

  /** Returns the axes that change at once, where they are not meant to; none if it is but one. */
  List<String> confounded() {
    List<String> changes = new ArrayList<>(claim.changes());
    changes.removeAll(claim.together());
    return changes.size() < 2 || claim.measure() != Claim.Measure.SCORE ? List.of() : changes;
  }

  /** Returns what the cells lack that differ from a pair's first in one of the confounded axes. */
  List<SortedMap<String, String>> missing() {
    return confounded().stream()
        .flatMap(axis -> pairs.stream().map(pair -> turned(pair, axis)))
        .filter(axes -> find(axes).isEmpty())
        .distinct()
        .toList();
  }

  /** Returns the differences that one axis makes alone; none where cells lack. */
  double[] alone(String axis) {
    List<SortedMap<Long, Double>> all = new ArrayList<>();
    for (Pair pair : pairs) {
      find(turned(pair, axis))
          .ifPresent(other -> all.add(minus(pair.first().best().scores(), other.scores())));
    }
    return all.size() == pairs.size() ? mean(all) : new double[0];
  }

  /** The first recipe of a pair with one axis as in the second. */
  private static SortedMap<String, String> turned(Pair pair, String axis) {
    SortedMap<String, String> axes = new TreeMap<>(pair.first().best().axes());
    axes.put(axis, pair.second().best().axes().get(axis));
    return axes;
  }

  /** Returns the runs of all recipes that are compared. */
  Stream<Run> runs() {
    return pairs.stream()
        .flatMap(pair -> Stream.of(pair.first(), pair.second()))
        .flatMap(side -> side.best().runs().stream())
        .distinct();
  }

  /**
   * Returns the two-sided p-values of what the statement says, and of its contrary.
   *
   * @param points what a point is worth in the unit of differences
   */
  double[] pValues(MeanTest effect, double points) {
    boolean isFactor = claim.measure().isFactor();
    double by = isFactor ? Math.log10(claim.by()) : claim.by() * points;
    double margin = isFactor ? Math.log10(claim.margin()) : claim.margin() * points;
    double holds;
    double fails;
    switch (claim.says()) {
      case HIGHER -> {
        holds = effect.above(by);
        fails = effect.below(by);
      }
      case LOWER -> {
        holds = effect.below(-by);
        fails = effect.above(-by);
      }
      case NOT_LOWER -> {
        holds = effect.above(by - margin);
        fails = effect.below(by - margin);
      }
      default -> {
        holds = Math.max(effect.above(by - margin), effect.below(by + margin));
        fails = Math.min(effect.above(by + margin), effect.below(by - margin));
      }
    }
    return new double[] {Math.min(1, 2 * holds), Math.min(1, 2 * fails)};
  }
}
