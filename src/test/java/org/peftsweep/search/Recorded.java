package org.peftsweep.search;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Curves of entrants as they will be, of which a contest gets to know what it lets train.
 *
 * @param whole by entrant and trial
 */
record Recorded(List<List<Trace>> whole) {
  /** Draws curves that rise towards an end by chance; some fail, some have undefined scores. */
  static Recorded draw(SplittableRandom random, int entrants, int seeds) {
    List<List<Trace>> all = new ArrayList<>();
    for (int i = 0; i < entrants; i++) {
      double end = random.nextDouble();
      List<Trace> trials = new ArrayList<>();
      for (int seed = 0; seed < seeds; seed++) {
        trials.add(curve(random, end));
      }
      all.add(trials);
    }
    return new Recorded(all);
  }

  private static Trace curve(SplittableRandom random, double end) {
    int steps = 60 + random.nextInt(3);
    int every = 1 + random.nextInt(9);
    boolean fails = random.nextInt(6) == 0;
    int last = fails ? random.nextInt(steps) : steps;
    List<Trace.Reading> readings = new ArrayList<>();
    boolean isUndefined = random.nextInt(12) == 0;
    for (int step = 0; step < last; step += every) {
      readings.add(reading(random, step, steps, end, isUndefined));
    }
    if (!fails) {
      readings.add(reading(random, steps, steps, end, isUndefined));
    }
    return new Trace(readings, steps, fails ? Trace.State.FAILED : Trace.State.FINISHED);
  }

  private static Trace.Reading reading(
      SplittableRandom random, int step, int steps, double end, boolean isUndefined) {
    double score = end * Math.sqrt(step / (double) steps) + 0.1 * random.nextDouble();
    boolean isNaN = isUndefined || random.nextInt(20) == 0;
    return new Trace.Reading(
        step, isNaN ? Double.NaN : score, step == 0 ? Double.NaN : 1 - score, 1);
  }

  /** Returns what is known of a trial that was let train to a rung. */
  Trace upTo(Ladder ladder, int entrant, int trial, int goal) {
    Trace trace = whole.get(entrant).get(trial);
    if (goal < 0) {
      return Trace.none(trace.steps());
    }
    if (goal == ladder.rungs()) {
      return trace;
    }
    int step = ladder.step(goal, trace.steps());
    List<Trace.Reading> seen = new ArrayList<>();
    for (Trace.Reading reading : trace.readings()) {
      seen.add(reading);
      if (reading.step() >= step) {
        boolean isEnd = reading.step() == trace.steps();
        return new Trace(seen, trace.steps(), isEnd ? trace.state() : Trace.State.OPEN);
      }
    }
    return trace;
  }
}
