package org.peftsweep.optim;

import org.peftsweep.checkpoint.StateReader;
import org.peftsweep.checkpoint.StateWriter;

/**
 * An estimate of how far the solution is from the start, which takes the place of a learning rate
 * (arXiv:2301.07733): in each step all updates of a trial add to two sums before any of them moves,
 * and the estimate grows by their quotient.
 */
abstract class Distance {
  private double value;
  private double largest;
  private double numerator;
  private double rate;
  private double more;
  private double weight;
  private int steps;

  Distance(double start) {
    this.value = start;
    this.largest = start;
  }

  /** Begins a step. */
  final void begin(double factor) {
    rate = value * factor * correction(steps + 1);
    more = 0;
    weight = 0;
  }

  /** Adds what one parameter measured to numerator and denominator. */
  final void add(double ofNumerator, double ofWeight) {
    more += ofNumerator;
    weight += ofWeight;
  }

  /** Ends the measuring: the estimate is that of this step. */
  final void settle() {
    if (weight == 0) {
      return;
    }
    numerator = numerator(numerator, more);
    if (rate > 0) {
      double found = estimate(numerator, weight);
      largest = Math.max(largest, found);
      value = next(value, largest, found);
    }
    steps++;
  }

  /** Returns what the step size is multiplied by for means that begin at zero. */
  abstract double correction(int step);

  /** Returns the sum of numerators with those of a step. */
  abstract double numerator(double before, double ofStep);

  /** Returns the distance that the sums speak of. */
  abstract double estimate(double sum, double denominator);

  /** Returns the estimate after one that is {@code found}, the largest so far given. */
  abstract double next(double before, double most, double found);

  /** Whether anything was measured in this step; without, nothing moves. */
  final boolean isMeasured() {
    return weight != 0;
  }

  /** Returns the step size of this step, by the estimate before it. */
  final double rate() {
    return rate;
  }

  /** Returns the estimate. */
  final double value() {
    return value;
  }

  final void save(StateWriter to) {
    to.number("value", value);
    to.number("largest", largest);
    to.number("numerator", numerator);
    to.number("steps", steps);
  }

  final void restore(StateReader from) {
    value = from.number("value");
    largest = from.number("largest");
    numerator = from.number("numerator");
    steps = Math.toIntExact(from.wholeNumber("steps"));
  }
}
