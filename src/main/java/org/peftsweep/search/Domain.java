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

  /**
   * Returns the number of points; {@link Long#MAX_VALUE} where there is a range of other than whole
   * numbers, or where there are more than anybody tries.
   */
  public long size() {
    long all = 0;
    for (List<Dimension> branch : branches) {
      long size = 1;
      for (Dimension dimension : branch) {
        if (dimension.size() > Integer.MAX_VALUE || size > Integer.MAX_VALUE) {
          return Long.MAX_VALUE;
        }
        size *= dimension.size();
      }
      all += size;
    }
    return all;
  }

  /** Whether it is made of lists alone. */
  boolean isOfLists() {
    return branches.stream().flatMap(List::stream).allMatch(Dimension::isList);
  }

  /** Returns every point of a domain of finite {@link #size}, the first dimension slowest. */
  public List<Point> all() {
    List<Point> all = new ArrayList<>();
    for (int branch = 0; branch < branches.size(); branch++) {
      List<List<Double>> made = List.of(List.of());
      for (Dimension dimension : branches.get(branch)) {
        List<List<Double>> longer = new ArrayList<>();
        for (List<Double> start : made) {
          for (int value = 0; value < dimension.size(); value++) {
            List<Double> places = new ArrayList<>(start);
            places.add(dimension.place(value));
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
