package org.peftsweep.search;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Decides cohorts: who of a fixed set goes on from a rung, once all of the set stand on it. */
final class Cohorts {
  /** Stands for a place that nobody took, as too few had a score. */
  static final int NOBODY = -1;

  /** Stands for a place that is not decided yet. */
  static final int UNKNOWN = -2;

  private final String rule;
  private final Ladder ladder;
  private final int coming;
  private final List<Track> tracks;
  private final List<Verdict> verdicts;

  /**
   * Takes what is known.
   *
   * @param coming entrants that there will be; places from there on are nobody's
   */
  Cohorts(String rule, Ladder ladder, int coming, List<Track> tracks) {
    this.rule = rule;
    this.ladder = ladder;
    this.coming = coming;
    this.tracks = tracks;
    this.verdicts = new ArrayList<>(Collections.nCopies(tracks.size(), Verdict.to(0)));
  }

  List<Verdict> verdicts() {
    return verdicts;
  }

  /** Lets an entrant start towards a rung. */
  void admit(int entrant, int rung) {
    if (entrant >= 0 && entrant < tracks.size()) {
      verdicts.set(entrant, Verdict.to(rung));
    }
  }

  /**
   * Decides a cohort.
   *
   * @param members entrants, or {@link #NOBODY}, or {@link #UNKNOWN}
   * @return those who go on, by their order in the contest, in as many places as there are
   */
  List<Integer> decide(int rung, List<Integer> members, int places) {
    List<Integer> there = new ArrayList<>();
    for (int member : members) {
      if (member == NOBODY || member >= coming) {
        continue;
      }
      if (member == UNKNOWN || member >= tracks.size() || !tracks.get(member).isKnown(rung)) {
        return Collections.nCopies(places, UNKNOWN);
      }
      there.add(member);
    }
    int[] order = Ranking.order(there.stream().map(i -> tracks.get(i).values(rung)).toList());
    List<Integer> winners = new ArrayList<>();
    for (int place = 0; place < order.length; place++) {
      int entrant = there.get(order[place]);
      double[] values = tracks.get(entrant).values(rung);
      if (!Ranking.isWhole(values)) {
        verdicts.set(entrant, new Verdict(rung, rule + ": no score at rung " + rung));
      } else if (place < places) {
        verdicts.set(entrant, Verdict.to(rung + 1));
        winners.add(entrant);
      } else {
        verdicts.set(
            entrant, new Verdict(rung, reason(rung, values[0], place, order.length, places)));
      }
    }
    Collections.sort(winners);
    while (winners.size() < places) {
      winners.add(NOBODY);
    }
    return winners;
  }

  private String reason(int rung, double score, int place, int size, int places) {
    return String.format(
        java.util.Locale.ROOT,
        "%s: %.4f at rung %d (%.0f %% of its steps) is place %d of %d, %d of which went on",
        rule,
        score,
        rung,
        100 * ladder.fraction(rung),
        place + 1,
        size,
        Math.min(places, size));
  }
}
