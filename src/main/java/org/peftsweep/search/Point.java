package org.peftsweep.search;

import java.util.List;

/**
 * One try: a branch of a {@link Domain} and a place in each of its dimensions.
 *
 * @param places in [0, 1), in the order of the branch's dimensions
 */
public record Point(int branch, List<Double> places) {
  public Point {
    places = List.copyOf(places);
  }
}
