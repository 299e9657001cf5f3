package org.peftsweep.search;

import java.util.List;

/**
 * One who competes: a recipe on a task, with all seeds that it is compared by.
 *
 * @param trials what is known of each
 * @param settings numbers that may tell how it ends, such as the logarithm of its learning rate
 * @param costs objectives besides the score that are known before, each the higher the better
 * @param forgetting what {@link Trace#rise} counts beside the score: −1 where it is to be low, 1
 *     where it is to be high, 0 for nothing
 */
public record Entrant(List<Trace> trials, double[] settings, double[] costs, int forgetting) {
  /** One whose forgetting does not count. */
  public Entrant(List<Trace> trials, double[] settings, double[] costs) {
    this(trials, settings, costs, 0);
  }

  public Entrant {
    trials = List.copyOf(trials);
  }
}
