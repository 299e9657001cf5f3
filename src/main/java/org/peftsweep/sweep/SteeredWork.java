package org.peftsweep.sweep;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.peftsweep.results.Requests;

/** Work that leaves out what users asked not to be started. */
final class SteeredWork implements Work {
  private final Work work;
  private final Supplier<Requests> requests;
  private final Set<String> begun;
  private final Set<String> left = new TreeSet<>();

  /** What a cap holds back; it may start once the cap is raised. */
  private List<PlannedTrial> next = List.of();

  private String cap;

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
    while (true) {
      List<PlannedTrial> pack = next.isEmpty() ? work.poll(slots) : next;
      next = List.of();
      cap = null;
      if (pack == null) {
        return null;
      }
      boolean isOver = asked.isCapped(begun.size());
      List<PlannedTrial> wanted = new ArrayList<>();
      List<PlannedTrial> held = new ArrayList<>();
      for (PlannedTrial trial : pack) {
        if (asked.stops().contains(trial.id())) {
          left.add(trial.id());
        } else if (!isOver && (begun.contains(trial.id()) || !asked.isCapped(begun.size()))) {
          begun.add(trial.id());
          wanted.add(trial);
        } else {
          held.add(trial);
        }
      }
      next = held;
      if (!wanted.isEmpty()) {
        return wanted;
      }
      if (!held.isEmpty()) {
        cap = asked.capText();
        return null;
      }
    }
  }

  @Override
  public void ended(PlannedTrial trial, Ending ending) {
    work.ended(trial, ending);
  }

  /** Returns ids of trials that did not start since users asked them to stop. */
  Set<String> left() {
    return left;
  }

  /** Returns why nothing more starts though more could, if a user asked for that. */
  Optional<String> cap() {
    return Optional.ofNullable(cap);
  }
}
