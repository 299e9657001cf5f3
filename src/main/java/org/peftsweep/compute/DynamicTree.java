package org.peftsweep.compute;

import java.util.Arrays;

/**
 * The dynamic tree of eight bits (Dettmers, arXiv:1511.04561): 256 codes up to 1, whose precision
 * grows with their size.
 */
public final class DynamicTree {
  private static final int DECADES = 7;

  private DynamicTree() {}

  /**
   * Returns the codes, ascending: 0, 1, and in each of seven decades up to 1 the middles of equal
   * parts of it, twice as many as in the decade below.
   *
   * @param signed whether half of them are negative
   */
  public static float[] codes(boolean signed) {
    float[] codes = new float[256];
    codes[1] = 1;
    int count = 2;
    for (int decade = 0; decade < DECADES; decade++) {
      int parts = 1 << (signed ? decade : decade + 1);
      double scale = Math.pow(10, decade - DECADES + 1);
      for (int i = 0; i < parts; i++) {
        float code = (float) (scale * (0.1 + 0.9 * (i + 0.5) / parts));
        codes[count++] = code;
        if (signed) {
          codes[count++] = -code;
        }
      }
    }
    Arrays.sort(codes);
    return codes;
  }

  /** Returns the place of the code that is nearest to a value. */
  public static int nearest(float[] codes, float value) {
    int place = Arrays.binarySearch(codes, value);
    if (place >= 0) {
      return place;
    }
    int above = Math.min(-place - 1, codes.length - 1);
    int below = Math.max(above - 1, 0);
    return value - codes[below] < codes[above] - value ? below : above;
  }
}
