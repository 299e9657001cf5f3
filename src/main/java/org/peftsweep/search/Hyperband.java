package org.peftsweep.search;

import java.util.ArrayList;
import java.util.List;

/**
 * Brackets of successive halving, from many entrants that are looked at early to few that run to
 * their end, against rules that stop too early.
 *
 * <p>Li et al., 2018, Hyperband, JMLR 18(185), algorithm 1: bracket s begins with ⌈(s_max + 1)·η^s
 * / (s + 1)⌉ entrants at the rung that leaves them s rounds. The brackets repeat until all entrants
 * have a place; the last one may be smaller.
 *
 * @param eta of so many one goes on, at least 2
 */
public record Hyperband(double eta) implements StoppingRule {
  @Override
  public List<Verdict> decide(
      Ladder ladder, int total, int coming, List<Track> tracks, List<Verdict> before) {
    Cohorts cohorts = new Cohorts(id(), ladder, coming, tracks);
    int rungs = ladder.rungs();
    int bracket = rungs;
    for (int from = 0; from < total; bracket = bracket == 0 ? rungs : bracket - 1) {
      int size = (int) Math.ceil((rungs + 1) * Math.pow(eta, bracket) / (bracket + 1) - 1e-9);
      int to = Math.min(total, from + size);
      List<Integer> members = new ArrayList<>();
      for (int i = from; i < to; i++) {
        members.add(i);
        cohorts.admit(i, rungs - bracket);
      }
      for (int rung = rungs - bracket; rung < rungs; rung++) {
        int places = Math.max(1, (int) (members.size() / eta));
        members = cohorts.decide(rung, members, places);
      }
      from = to;
    }
    return cohorts.verdicts();
  }

  @Override
  public String id() {
    return "hyperband";
  }
}
