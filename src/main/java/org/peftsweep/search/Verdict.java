package org.peftsweep.search;

/**
 * How far an entrant may go, by what is known so far; never less by what comes to be known later.
 *
 * @param goal rung to which it may train, the number of rungs for its end; −1 where it may not
 *     begin yet
 * @param reason why it goes no further, in a few words; null where it may, or is not decided on
 */
public record Verdict(int goal, String reason) {
  /** May not begin yet. */
  static final Verdict WAITS = new Verdict(-1, null);

  /** Returns a verdict that may still become a further one. */
  static Verdict to(int goal) {
    return new Verdict(goal, null);
  }

  /** Whether nothing that comes to be known changes it. */
  boolean isFinal(Ladder ladder) {
    return isStopped() || goal == ladder.rungs();
  }

  /** Whether it goes no further than its goal. */
  public boolean isStopped() {
    return reason != null;
  }
}
