package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
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
  record Pair(Sides.Couple sides, SortedMap<Long, Double> differences) {
    Cell first() {
      return sides.first().best();
    }

    Cell second() {
      return sides.second().best();
    }
  }

  private final Claim claim;
  private final String task;
  private final Sides sides;
  private final Curves curves;
  private final List<Pair> pairs = new ArrayList<>();
  private final List<Pair> unscored = new ArrayList<>();

  private Evidence(Claim claim, String task, Sides sides, Curves curves) {
    this.claim = claim;
    this.task = task;
    this.sides = sides;
    this.curves = curves;
  }

  /**
   * Looks for the pairs of a statement.
   *
   * @param cells of the task
   */
  static Evidence of(Claim claim, String task, List<Cell> cells, Curves curves) {
    Evidence evidence = new Evidence(claim, task, new Sides(claim, cells), curves);
    for (Sides.Couple couple : evidence.sides.couples()) {
      Pair pair = new Pair(couple, evidence.differences(couple.first(), couple.second()));
      (pair.differences().isEmpty() ? evidence.unscored : evidence.pairs).add(pair);
    }
    return evidence;
  }

  private SortedMap<Long, Double> differences(Sides.Side first, Sides.Side second) {
    return switch (claim.measure()) {
      case SCORE ->
          minus(gain(first, sides.own(claim.first())), gain(second, sides.own(claim.second())));
      case BEST_LEARNING_RATE -> minus(bestRates(first), bestRates(second));
      case STEPS -> steps(first.best(), second.best());
    };
  }

  /**
   * Scores, or how far they are above those of the same recipe with other settings, which has the
   * best of its own too.
   *
   * @param own what the recipe may be of the axes that each side has of its own
   */
  private SortedMap<Long, Double> gain(Sides.Side side, Map<String, List<String>> own) {
    return claim.less().isEmpty()
        ? side.best().scores()
        : sides
            .less(side, own)
            .map(less -> minus(side.best().scores(), less.best().scores()))
            .orElseGet(TreeMap::new);
  }

  /** Returns by seed the logarithm of the rate with the best score, of several. */
  private static SortedMap<Long, Double> bestRates(Sides.Side side) {
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
          rates.put(seed, rate(cell));
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

  /** Returns the pairs that have a seed in common. */
  List<Pair> pairs() {
    return pairs;
  }

  /** Returns the pairs of which no seed has both sides: failed, not evaluated, or not yet. */
  List<Pair> unscored() {
    return unscored;
  }

  /** Returns all, whatever became of them. */
  private Stream<Pair> all() {
    return Stream.concat(pairs.stream(), unscored.stream());
  }

  /** Whether a recipe that is compared has a seed that broke. */
  boolean broke() {
    return all().anyMatch(pair -> pair.first().broke() || pair.second().broke());
  }

  /** Returns the mean difference of these pairs by seed, of the seeds that all of them have. */
  double[] differences() {
    return mean(pairs.stream().map(Pair::differences).toList());
  }

  /** Returns the smallest step between two best rates, in the unit of differences; else 0. */
  double resolution() {
    if (claim.measure() != Claim.Measure.BEST_LEARNING_RATE) {
      return 0;
    }
    double[] rates =
        pairs.stream()
            .flatMap(pair -> Stream.of(pair.sides().first(), pair.sides().second()))
            .flatMap(side -> side.cells().stream())
            .mapToDouble(Evidence::rate)
            .sorted()
            .distinct()
            .toArray();
    double smallest = rates.length < 2 ? 0 : Double.POSITIVE_INFINITY;
    for (int i = 1; i < rates.length; i++) {
      smallest = Math.min(smallest, rates[i] - rates[i - 1]);
    }
    return smallest;
  }

  /** Its logarithm to the base 10. */
  private static double rate(Cell cell) {
    return Math.log10(Double.parseDouble(cell.axes().get(Cell.LEARNING_RATE)));
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

  /** Whether it is not known of one of these axes what it does alone. */
  boolean isConfounded() {
    return confounded().stream().anyMatch(axis -> alone(axis).length < 2);
  }

  /** Returns what the cells lack that differ from a pair's first in one of the confounded axes. */
  List<SortedMap<String, String>> missing() {
    return confounded().stream()
        .flatMap(axis -> pairs.stream().map(pair -> sides.lacking(pair.sides(), axis)))
        .flatMap(List::stream)
        .distinct()
        .toList();
  }

  /** Returns the differences that one axis makes alone; none where cells lack. */
  double[] alone(String axis) {
    List<SortedMap<Long, Double>> all = new ArrayList<>();
    for (Pair pair : pairs) {
      Sides.Side first = pair.sides().first();
      sides
          .turned(pair.sides(), axis)
          .ifPresent(
              other ->
                  all.add(
                      minus(
                          gain(first, sides.own(claim.first())),
                          gain(other, sides.ownOfTurned(axis)))));
    }
    return all.size() == pairs.size() ? mean(all) : new double[0];
  }

  /** Returns the runs of all recipes that are compared. */
  Stream<Run> runs() {
    return all()
        .flatMap(pair -> Stream.of(pair.first(), pair.second()))
        .flatMap(cell -> cell.runs().stream())
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
