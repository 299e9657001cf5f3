package org.peftsweep.stats;

import java.util.Arrays;

/**
 * Which of several recipes may still be the best, as seeds are added one by one.
 *
 * <p>A recipe is out when another is better by a {@linkplain SequentialT sequential test} with a
 * threshold of {@code (recipes − 1)/α}. The best recipe is out with a probability of at most α
 * however often one looks: only its comparisons with the others could throw it out, {@code recipes
 * − 1} of them. Two are equal when the interval of their difference, at the same threshold, lies
 * within the margin.
 *
 * @param isOut recipes that are not the best
 * @param isOpen recipes that further seeds should tell apart: still in, and not equal to all others
 *     that are
 */
public record Race(boolean[] isOut, boolean[] isOpen) {
  /** Returns what is known of the difference of two recipes by place; null for nothing. */
  @FunctionalInterface
  public interface Differences {
    MeanTest of(int first, int second);
  }

  /**
   * Looks.
   *
   * @param recipes how many
   * @param margin difference up to which two are as good as equal
   */
  public static Race of(int recipes, Differences differences, double margin) {
    double threshold = Math.max(1, recipes - 1) / TieGroups.ALPHA;
    boolean[] isOut = new boolean[recipes];
    boolean[][] areEqual = new boolean[recipes][recipes];
    for (int i = 0; i < recipes; i++) {
      for (int j = 0; j < recipes; j++) {
        MeanTest difference = i == j ? null : differences.of(j, i);
        if (difference != null && difference.count() > 1) {
          double half = difference.error() * SequentialT.critical(difference.count(), threshold);
          isOut[i] |= difference.mean() - half > 0;
          areEqual[i][j] = Math.abs(difference.mean()) + half <= margin;
        }
      }
    }
    boolean[] isOpen = new boolean[recipes];
    for (int i = 0; i < recipes; i++) {
      for (int j = 0; j < recipes; j++) {
        isOpen[i] |= i != j && !isOut[i] && !isOut[j] && !areEqual[i][j];
      }
    }
    return new Race(isOut, isOpen);
  }

  /** Whether nothing is left to be told apart. */
  public boolean isDecided() {
    for (boolean open : isOpen) {
      if (open) {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Race race
        && Arrays.equals(isOut, race.isOut)
        && Arrays.equals(isOpen, race.isOpen);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(isOut) + Arrays.hashCode(isOpen);
  }
}
