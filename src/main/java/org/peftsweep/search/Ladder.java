package org.peftsweep.search;

import java.util.ArrayList;
import java.util.List;

/**
 * Where training stops to be looked at.
 *
 * @param fractions of a try's steps, rising, each above 0 and below 1
 */
public record Ladder(List<Double> fractions) {
  /** A try's end alone. */
  public static final Ladder NONE = new Ladder(List.of());

  private static final double LEAST_STEP = 1e-9;

  public Ladder {
    fractions = List.copyOf(fractions);
  }

  /** Returns the rungs {@code first · η^k} below 1. */
  public static Ladder of(double first, double eta) {
    List<Double> fractions = new ArrayList<>();
    for (double at = first; at < 1 - LEAST_STEP; at *= eta) {
      fractions.add(at);
    }
    return new Ladder(fractions);
  }

  /** Returns the number of rungs, which is the number of the end as well. */
  public int rungs() {
    return fractions.size();
  }

  /** Returns the part of all steps at a rung; 1 at the end. */
  public double fraction(int rung) {
    return rung == rungs() ? 1 : fractions.get(rung);
  }

  /** Returns the first step at which a try of so many steps may stand on a rung. */
  public int step(int rung, int steps) {
    return (int) Math.ceil(fraction(rung) * steps - LEAST_STEP);
  }
}
