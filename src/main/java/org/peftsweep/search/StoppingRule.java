package org.peftsweep.search;

import java.util.List;

/**
 * Who of a contest goes on at each rung. One record a published rule.
 *
 * <p>Published rules decide by what happens to be known when a trial is due. These decide each
 * entrant against a set of others that its place in the contest fixes, so that the order in which
 * results come decides nothing; a set that is complete is decided while others train.
 */
public sealed interface StoppingRule permits Asha, Hyperband, Median, Predict, RunToEnd {
  /**
   * Says of each entrant how far it may go.
   *
   * @param total entrants that the contest was planned for
   * @param coming of them that will come; fewer where there was nobody else to find
   * @param tracks of those that are known, in the contest's order
   * @param before what came out when less was known, for less work; may be empty
   */
  List<Verdict> decide(
      Ladder ladder, int total, int coming, List<Track> tracks, List<Verdict> before);

  /** Returns the word in sweep files. */
  String id();
}
