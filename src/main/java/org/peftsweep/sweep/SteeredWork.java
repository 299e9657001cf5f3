package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.peftsweep.results.Requests;

/** Work that leaves out what users asked not to be started. */
final class SteeredWork implements Work {
  private final Work work;
  private final Supplier<Requests> requests;
  private final Set<String> begun;

  /**
   * Steers work.
   *
   * @param before ids of trials that were begun in earlier runs
   */
  SteeredWork(Work work, Supplier<Requests> requests, Set<String> before) {
    this.work = work;
    this.requests = requests;
    this.begun = new HashSet<>(before);
  }

  @Override
  public List<PlannedTrial> poll(int slots) {
    Requests asked = requests.get();
    while (!asked.isCapped(begun.size())) {
      List<PlannedTrial> pack = work.poll(slots);
      if (pack == null) {
        return null;
      }
      List<PlannedTrial> wanted = new ArrayList<>();
      for (PlannedTrial trial : pack) {
        boolean isWithin = begun.contains(trial.id()) || !asked.isCapped(begun.size());
        if (isWithin && !asked.stops().contains(trial.id())) {
          begun.add(trial.id());
          wanted.add(trial);
        }
      }
      if (!wanted.isEmpty()) {
        return wanted;
      }
    }
    return null;
  }
}
