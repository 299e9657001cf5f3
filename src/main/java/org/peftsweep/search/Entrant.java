package org.peftsweep.search;

import java.util.List;

/**
 * One who competes: a recipe on a task, with all seeds that it is compared by.
 *
 * @param trials what is known of each
 * @param settings numbers that may tell how it ends, such as the logarithm of its learning rate
 * @param costs objectives besides the score, each the higher the better
 */
public record Entrant(List<Trace> trials, double[] settings, double[] costs) {
  public Entrant {
    trials = List.copyOf(trials);
  }
}
