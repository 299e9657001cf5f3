package org.peftsweep.search;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Asynchronous successive halving: of those on a rung the best η-th part goes on to the next.
 *
 * <p>Li et al., 2018, arXiv:1810.05934, algorithm 2.
 *
 * <p>Differs from the paper: entrants are compared within cohorts of about {@code cohort} that
 * follow each other in the contest, not with whoever has come so far, because a promotion must not
 * depend on who was faster. A cohort is decided when it is complete, while others train.
 *
 * @param eta of so many one goes on, at least 2
 * @param cohort entrants that are compared, at least {@code eta}
 */
public record Asha(double eta, int cohort) implements StoppingRule {
  @Override
  public List<Verdict> decide(
      Ladder ladder, int total, int coming, List<Track> tracks, List<Verdict> before) {
    Cohorts cohorts = new Cohorts(id(), ladder, coming, tracks);
    List<Integer> slots = IntStream.range(0, total).boxed().toList();
    for (int rung = 0; rung < ladder.rungs(); rung++) {
      List<Integer> next = new ArrayList<>();
      int count = (int) Math.max(1, Math.round(slots.size() / (double) cohort));
      for (int i = 0; i < count; i++) {
        int from = (int) ((long) i * slots.size() / count);
        int to = (int) ((long) (i + 1) * slots.size() / count);
        int places = Math.max(1, (int) ((to - from) / eta));
        next.addAll(cohorts.decide(rung, slots.subList(from, to), places));
      }
      slots = next;
    }
    return cohorts.verdicts();
  }

  @Override
  public String id() {
    return "asha";
  }
}
