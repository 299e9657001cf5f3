package org.peftsweep.report;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * By what one of several recipes is chosen, the same kind of scores for all of them: those of
 * tuning trials where each has one, else those on the validation part of train where each has one,
 * else those on the reported sets.
 */
enum Choice {
  TUNING,
  VALIDATION,
  REPORTED;

  /** Of a seed by whose training the recipe broke: below every score. */
  static final double BROKEN = Double.NEGATIVE_INFINITY;

  /** Returns the kind that all of these recipes have. */
  static Choice among(Collection<Cell> cells) {
    if (cells.stream().allMatch(cell -> cell.runs().stream().anyMatch(Run::isTuning))) {
      return TUNING;
    }
    List<Cell> scored =
        cells.stream().filter(cell -> cell.runs().stream().anyMatch(Run::isScored)).toList();
    boolean areValidated =
        scored.stream()
            .allMatch(
                cell ->
                    cell.runs().stream()
                        .anyMatch(run -> run.isScored() && Run.isFinite(run.validationScore())));
    return areValidated && !scored.isEmpty() ? VALIDATION : REPORTED;
  }

  /**
   * Returns the recipe whose mean over the seeds that all have is highest, the first of equals. One
   * that was never evaluated stands for nothing, and one that broke with a seed is no choice, as
   * long as there are others.
   */
  static Cell best(List<Cell> cells) {
    List<Cell> evaluated =
        cells.stream().filter(cell -> cell.runs().stream().anyMatch(Run::isEvaluation)).toList();
    List<Cell> candidates = evaluated.isEmpty() ? cells : evaluated;
    Choice choice = among(candidates);
    List<SortedMap<Long, Double>> scores = candidates.stream().map(choice::scores).toList();
    Set<Long> common = common(scores);
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < scores.size(); i++) {
      places.add(i);
    }
    return places.stream()
        .max(
            Comparator.<Integer>comparingInt(i -> scores.get(i).containsValue(BROKEN) ? 0 : 1)
                .thenComparingDouble(i -> mean(scores.get(i), common)))
        .map(candidates::get)
        .orElseThrow();
  }

  /** Returns by seed what is chosen by; {@link #BROKEN} where training broke. */
  SortedMap<Long, Double> scores(Cell cell) {
    SortedMap<Long, Double> scores = new TreeMap<>();
    for (Run run : cell.runs()) {
      if (this == TUNING ? run.isTuning() : run.isEvaluation()) {
        Double score = this == REPORTED ? run.score() : run.validationScore();
        if (run.isFinished() && Run.isFinite(score)) {
          scores.put(run.seed(), score);
        } else if (run.isFinished() || run.broke()) {
          scores.put(run.seed(), BROKEN);
        }
      }
    }
    return scores;
  }

  /** Returns the seeds that all have which have any. */
  static Set<Long> common(Collection<SortedMap<Long, Double>> all) {
    Set<Long> common = new TreeSet<>();
    all.forEach(scores -> common.addAll(scores.keySet()));
    all.stream().filter(scores -> !scores.isEmpty()).forEach(s -> common.retainAll(s.keySet()));
    return common;
  }

  /** Over the seeds that are common where there are any, else over its own; the broken left out. */
  private static double mean(SortedMap<Long, Double> scores, Set<Long> common) {
    return scores.entrySet().stream()
        .filter(seed -> common.isEmpty() || common.contains(seed.getKey()))
        .filter(seed -> seed.getValue() != BROKEN)
        .mapToDouble(seed -> seed.getValue())
        .average()
        .orElse(BROKEN);
  }
}
