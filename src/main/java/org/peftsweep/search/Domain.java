package org.peftsweep.search;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * All that may be tried: branches, such as a method each, with dimensions of their own.
 *
 * @param branches dimensions of each
 */
public record Domain(List<List<Dimension>> branches) {
  public Domain {
    branches = branches.stream().map(List::copyOf).toList();
  }

  /** Returns the number of points; {@link Long#MAX_VALUE} where there is a range. */
  public long size() {
    long all = 0;
    for (List<Dimension> branch : branches) {
      long size = 1;
      for (Dimension dimension : branch) {
        if (!dimension.isList() || size > Integer.MAX_VALUE) {
          return Long.MAX_VALUE;
        }
        size *= dimension.cells();
      }
      all += size;
    }
    return all;
  }

  /** Returns every point of a domain without ranges, the first dimension varying slowest. */
  public List<Point> all() {
    List<Point> all = new ArrayList<>();
    for (int branch = 0; branch < branches.size(); branch++) {
      List<List<Double>> made = List.of(List.of());
      for (Dimension dimension : branches.get(branch)) {
        List<List<Double>> longer = new ArrayList<>();
        for (List<Double> start : made) {
          for (int value = 0; value < dimension.cells(); value++) {
            List<Double> places = new ArrayList<>(start);
            places.add((value + 0.5) / dimension.cells());
            longer.add(places);
          }
        }
        made = longer;
      }
      for (List<Double> places : made) {
        all.add(new Point(branch, places));
      }
    }
    return all;
  }

  /** Returns the point that stands for all that mean the same. */
  public Point canonical(Point point) {
    List<Dimension> dimensions = branches.get(point.branch());
    List<Double> places = new ArrayList<>();
    for (int i = 0; i < dimensions.size(); i++) {
      places.add(dimensions.get(i).canonical(point.places().get(i)));
    }
    return new Point(point.branch(), places);
  }

  /** Draws a branch and a place in each of its dimensions. */
  Point draw(SplittableRandom random) {
    int branch = random.nextInt(branches.size());
    List<Double> places = new ArrayList<>();
    for (int i = 0; i < branches.get(branch).size(); i++) {
      places.add(random.nextDouble());
    }
    return canonical(new Point(branch, places));
  }
}
