package org.peftsweep.spec;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.peftsweep.search.Ladder;
import org.peftsweep.search.RunToEnd;
import org.peftsweep.search.StoppingRule;
import org.peftsweep.search.Strategy;

/**
 * How the best of a sweep's recipes is sought. No part of a trial: whatever finds a recipe, it is
 * the same trial.
 *
 * @param strategy which recipes are tried, and in which order
 * @param trials recipes a task; 0 for all of a grid
 * @param seed of what is drawn
 * @param startup recipes that tpe draws before results count
 * @param batch recipes that tpe proposes at once
 * @param warmStart names of sweeps whose tables tpe starts from
 * @param objectives what is sought: score, and what else counts, to min or max
 * @param rule who stops early
 * @param ladder where trials are looked at for that
 */
public record Search(
    Strategy strategy,
    int trials,
    long seed,
    int startup,
    int batch,
    List<String> warmStart,
    SortedMap<String, String> objectives,
    StoppingRule rule,
    Ladder ladder) {
  /** The objective that there always is, to the most. */
  public static final String SCORE = "score";

  /** A further objective: scalars that learn, head excluded. */
  public static final String PARAMETERS = "trainable_parameters";

  /** A further objective: by how much training raised the loss of the texts of retention. */
  public static final String FORGETTING = "retention_loss_increase";

  /** Every recipe of the grid, to its end. */
  public static final Search GRID =
      new Search(
          Strategy.GRID,
          0,
          0,
          1,
          1,
          List.of(),
          new TreeMap<>(java.util.Map.of(SCORE, "max")),
          new RunToEnd(),
          Ladder.NONE);

  public Search {
    warmStart = List.copyOf(warmStart);
    objectives = java.util.Collections.unmodifiableSortedMap(new TreeMap<>(objectives));
  }

  /** Whether what is trained depends on results. */
  public boolean isContest() {
    return strategy.isAdaptive() || !(rule instanceof RunToEnd);
  }

  /** Returns objectives besides the score of a trial that learns so many scalars. */
  public double[] costs(long trainableParameters) {
    int sign = sign(PARAMETERS);
    return sign == 0 ? new double[0] : new double[] {(double) sign * trainableParameters};
  }

  /**
   * Returns what the rise of the loss of the texts of retention counts: −1 where it is to be low, 1
   * where it is to be high, 0 for nothing.
   */
  public int forgetting() {
    return sign(FORGETTING);
  }

  private int sign(String objective) {
    String direction = objectives.get(objective);
    return direction == null ? 0 : direction.equals("min") ? -1 : 1;
  }
}
