package org.peftsweep.spec;

import java.util.List;
import java.util.stream.Stream;

/**
 * Recipes of which one is to be evaluated on a task.
 *
 * @param name what the choice is for: {@code rte · lora · qv}
 * @param entrants in the order of the sweep file, at least one
 */
public record Candidates(String name, List<Entrant> entrants) {
  /**
   * One of the recipes.
   *
   * @param tuning its trials with the tuning seeds
   * @param evaluation those with the evaluation seeds, and their copies
   */
  public record Entrant(List<Trial> tuning, List<Trial> evaluation) {}

  public Candidates {
    entrants = List.copyOf(entrants);
  }

  /** Whether there is a choice; a recipe alone is evaluated without tuning. */
  public boolean isOpen() {
    return entrants.size() > 1;
  }

  /** Returns the trials that need no other's result. */
  public Stream<Trial> first() {
    return isOpen()
        ? entrants.stream().flatMap(entrant -> entrant.tuning().stream())
        : entrants.get(0).evaluation().stream();
  }
}
