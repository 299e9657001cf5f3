package org.peftsweep.search;

import java.util.List;

/**
 * Decides in batches: an entrant is judged by those of all batches but its own and the one before,
 * and may begin once these are settled, so that two batches train at once.
 */
final class Batches {
  private Batches() {}

  /** Returns how many entrants, from the first on, one is judged by. */
  static int judges(int entrant, int batch) {
    return Math.max(0, (entrant / batch - 1) * batch);
  }

  /** Whether the first so many have come to where their verdicts let them. */
  static boolean areSettled(List<Verdict> verdicts, List<Track> tracks, int count) {
    for (int i = 0; i < count; i++) {
      int goal = verdicts.get(i).goal();
      if (goal < 0 || !tracks.get(i).isKnown(goal)) {
        return false;
      }
    }
    return true;
  }
}
