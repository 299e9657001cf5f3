package org.peftsweep.search;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A set of entrants of which the best are sought: known from the start, or proposed by what comes
 * of earlier ones; and a rule that says how far each goes.
 *
 * <p>What it says is a function of the results alone. It remembers only what would come out the
 * same again.
 *
 * @param <T> what an entrant is to the caller
 */
public final class Contest<T> {
  private final StoppingRule rule;
  private final Ladder ladder;
  private final Proposer proposer;
  private final Function<Point, T> maker;
  private final List<T> entrants = new ArrayList<>();
  private List<Verdict> before = List.of();
  private final Map<Entrant, Track> tracks = new IdentityHashMap<>();

  /** Makes a contest of entrants that are known. */
  public Contest(StoppingRule rule, Ladder ladder, List<T> entrants) {
    this.rule = rule;
    this.ladder = ladder;
    this.proposer = null;
    this.maker = null;
    this.entrants.addAll(entrants);
  }

  /** Makes a contest of entrants that are proposed one after the other. */
  public Contest(StoppingRule rule, Ladder ladder, Proposer proposer, Function<Point, T> maker) {
    this.rule = rule;
    this.ladder = ladder;
    this.proposer = proposer;
    this.maker = maker;
  }

  /** Returns who says how far each goes. */
  public StoppingRule rule() {
    return rule;
  }

  /** Returns the rungs. */
  public Ladder ladder() {
    return ladder;
  }

  /** Returns the entrants so far, in the contest's order. */
  public List<T> entrants() {
    return List.copyOf(entrants);
  }

  /** Returns how many there will be. */
  public int total() {
    return proposer == null ? entrants.size() : proposer.coming();
  }

  /**
   * Says of each entrant how far it may go; new ones may have come.
   *
   * @param known what is known of one; the same object as long as that is the same
   */
  public List<Verdict> look(Function<T, Entrant> known) {
    List<Track> all = new ArrayList<>();
    entrants.forEach(entrant -> all.add(track(known.apply(entrant))));
    if (proposer != null) {
      for (Point point : proposer.next(rule, ladder, all)) {
        T entrant = maker.apply(point);
        entrants.add(entrant);
        all.add(track(known.apply(entrant)));
      }
    }
    int planned = proposer == null ? all.size() : proposer.total();
    before = rule.decide(ladder, planned, total(), all, before);
    return before;
  }

  /**
   * Whether all have come to where their verdicts let them, and nobody else will come.
   *
   * @param verdicts of the last look
   */
  public boolean isOver(List<Verdict> verdicts, Function<T, Entrant> known) {
    if (verdicts.size() < total()) {
      return false;
    }
    List<Track> all = new ArrayList<>();
    entrants.forEach(entrant -> all.add(track(known.apply(entrant))));
    return Batches.areSettled(verdicts, all, all.size());
  }

  private Track track(Entrant entrant) {
    return tracks.computeIfAbsent(entrant, e -> Track.of(ladder, e));
  }
}
