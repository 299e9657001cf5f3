package org.peftsweep.spec;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A statement about recipes: what the first of two sides is said to be beside the second, in all
 * cells of a sweep where they differ in what the sides name and in nothing else.
 *
 * @param name the statement in a sentence
 * @param source who says so: paper and section
 * @param first what the first side's recipes are, by axis as sweep files name them: any of the
 *     values
 * @param second the same of the other side; what it leaves out is as in the first
 * @param tasks it speaks of; empty for all
 * @param by how much more or how many times as much the first is said to have
 * @param margin how far off still counts as equal
 * @param bestOf settings of which each side has what is best for it, by validation
 * @param less settings with which each side's scores are taken off, so that gains are compared;
 *     empty for none
 * @param together axes that are meant to change at once
 * @param paper the source's own figures by task, in the measure's unit; empty where it gives none
 * @param remark what should be known of the source; null for nothing
 */
public record Claim(
    String name,
    String source,
    Map<String, List<String>> first,
    Map<String, List<String>> second,
    List<String> tasks,
    Measure measure,
    Says says,
    double by,
    double margin,
    List<String> bestOf,
    Map<String, String> less,
    List<String> together,
    Map<String, Double> paper,
    String remark) {
  /** What is compared. */
  public enum Measure {
    /** The score on the reported sets; differences in points, scores × 100. */
    SCORE,
    /** The learning rate with the best score of a seed; how many times as large it is. */
    BEST_LEARNING_RATE,
    /** Steps until a score that both sides reach; how many times as many. */
    STEPS;

    /** Whether sides are compared by how many times as much they have. */
    public boolean isFactor() {
      return this != SCORE;
    }
  }

  /** What the first is said to be. */
  public enum Says {
    HIGHER,
    LOWER,
    /** Higher, or equal within the margin. */
    NOT_LOWER,
    EQUAL
  }

  public Claim {
    first = new TreeMap<>(first);
    second = new TreeMap<>(second);
    tasks = List.copyOf(tasks);
    bestOf = List.copyOf(bestOf);
    less = new TreeMap<>(less);
    together = List.copyOf(together);
    paper = new TreeMap<>(paper);
  }

  /** Returns the axes on which no recipe of one side is one of the other. */
  public List<String> changes() {
    return second.keySet().stream()
        .filter(first::containsKey)
        .filter(axis -> second.get(axis).stream().noneMatch(first.get(axis)::contains))
        .toList();
  }
}
