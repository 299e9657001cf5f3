package org.peftsweep.method.adapter;

import java.util.Arrays;
import java.util.SplittableRandom;

/** Random sets of places. */
public final class Draws {
  private Draws() {}

  /** Returns {@code count} different numbers below {@code most}, ascending (Floyd's algorithm). */
  public static int[] distinct(SplittableRandom random, int count, int most) {
    boolean[] taken = new boolean[most];
    for (int last = most - count; last < most; last++) {
      int drawn = random.nextInt(last + 1);
      taken[taken[drawn] ? last : drawn] = true;
    }
    int[] chosen = new int[count];
    int at = 0;
    for (int i = 0; i < most; i++) {
      if (taken[i]) {
        chosen[at++] = i;
      }
    }
    return chosen;
  }

  /** Returns the numbers below {@code count} in random order. */
  public static int[] order(SplittableRandom random, int count) {
    int[] order = new int[count];
    Arrays.setAll(order, i -> i);
    for (int i = count - 1; i > 0; i--) {
      int other = random.nextInt(i + 1);
      int held = order[i];
      order[i] = order[other];
      order[other] = held;
    }
    return order;
  }
}
