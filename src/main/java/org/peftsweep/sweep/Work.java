package org.peftsweep.sweep;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;

/** What there is to start: known from the start, or as far as results decide it. */
interface Work {
  /**
   * Returns trials that may start now on one slot, each returned once.
   *
   * @param slots of the cluster
   * @return null where there are none for now; for good if nothing runs
   */
  List<PlannedTrial> poll(int slots);

  /** Hears that a trial that was returned has come to where it was to go, or to its end. */
  default void ended(PlannedTrial trial, Ending ending) {}

  /** Returns packs in their order. */
  static Work of(Collection<List<PlannedTrial>> packs) {
    Deque<List<PlannedTrial>> waiting = new ArrayDeque<>(packs);
    return slots -> waiting.poll();
  }
}
