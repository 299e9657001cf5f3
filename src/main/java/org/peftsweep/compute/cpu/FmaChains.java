package org.peftsweep.compute.cpu;

import jdk.incubator.vector.FloatVector;

/**
 * The most multiply–adds that a thread does: chains of vector FMAs in registers, as many as hide
 * the latency of one, without touching memory.
 */
public final class FmaChains {
  private static final int CHAINS = 16;

  /**
   * Turns of a call: a method that loops for long in its first calls is compiled from within the
   * loop, where vectors stay objects.
   */
  private static final int BLOCK = 2_000;

  private FmaChains() {}

  /** Returns the floating-point operations of so many turns, two a multiply–add. */
  public static double operations(int turns) {
    return 2.0 * Vectors.LANES * CHAINS * turns;
  }

  /** Takes so many turns; the result is there so that nothing is left out. */
  public static float run(int turns, float start) {
    float sum = 0;
    for (int done = 0; done < turns; done += BLOCK) {
      sum += block(Math.min(BLOCK, turns - done), start);
    }
    return sum;
  }

  private static float block(int turns, float start) {
    FloatVector x = Vectors.splat(0.999f);
    FloatVector y = Vectors.splat(start);
    FloatVector a0 = y;
    FloatVector a1 = y;
    FloatVector a2 = y;
    FloatVector a3 = y;
    FloatVector a4 = y;
    FloatVector a5 = y;
    FloatVector a6 = y;
    FloatVector a7 = y;
    FloatVector a8 = y;
    FloatVector a9 = y;
    FloatVector a10 = y;
    FloatVector a11 = y;
    FloatVector a12 = y;
    FloatVector a13 = y;
    FloatVector a14 = y;
    FloatVector a15 = y;
    for (int i = 0; i < turns; i++) {
      a0 = a0.fma(x, y);
      a1 = a1.fma(x, y);
      a2 = a2.fma(x, y);
      a3 = a3.fma(x, y);
      a4 = a4.fma(x, y);
      a5 = a5.fma(x, y);
      a6 = a6.fma(x, y);
      a7 = a7.fma(x, y);
      a8 = a8.fma(x, y);
      a9 = a9.fma(x, y);
      a10 = a10.fma(x, y);
      a11 = a11.fma(x, y);
      a12 = a12.fma(x, y);
      a13 = a13.fma(x, y);
      a14 = a14.fma(x, y);
      a15 = a15.fma(x, y);
    }
    FloatVector low = a0.add(a1).add(a2).add(a3).add(a4).add(a5).add(a6).add(a7);
    FloatVector high = a8.add(a9).add(a10).add(a11).add(a12).add(a13).add(a14).add(a15);
    return low.add(high).lane(0);
  }
}
