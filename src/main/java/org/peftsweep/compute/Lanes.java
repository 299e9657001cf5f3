package org.peftsweep.compute;

import java.util.Arrays;

/**
 * How the rows of a matrix divide among the lanes of a pass: each has a range of its own, in the
 * order of lanes, and together they are all rows.
 */
public final class Lanes {
  private final int[] ends;

  private Lanes(int[] ends) {
    this.ends = ends;
  }

  /** Makes ranges of so many rows. */
  public static Lanes of(int... rows) {
    int[] ends = rows.clone();
    Arrays.parallelPrefix(ends, Math::addExact);
    return new Lanes(ends);
  }

  public int count() {
    return ends.length;
  }

  /** Returns the first row of a lane. */
  public int from(int lane) {
    return lane == 0 ? 0 : ends[lane - 1];
  }

  /** Returns the number of rows of a lane. */
  public int rows(int lane) {
    return ends[lane] - from(lane);
  }

  /** Returns the number of rows of all lanes. */
  public int rows() {
    return ends[ends.length - 1];
  }

  /** Returns the rows of a lane, sharing memory. */
  Tensor of(Tensor whole, int lane) {
    return whole.slice(from(lane), rows(lane));
  }

  @Override
  public String toString() {
    return "lanes that end at rows " + Arrays.toString(ends);
  }
}
