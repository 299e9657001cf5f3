package org.peftsweep.compute;

/**
 * The sixteen values of a 4-bit NormalFloat: quantiles of a normal distribution, scaled so that the
 * outermost are −1 and 1, and with an exact 0 (Dettmers et al., arXiv:2305.14314, appendix E).
 */
public final class NormalFloat {
  private static final float[] VALUES = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f
  };

  /** Between two values each. */
  private static final float[] MIDDLES = middles();

  private NormalFloat() {}

  /** Returns the values, ascending. */
  public static float[] values() {
    return VALUES.clone();
  }

  /** Returns the place of the value that is nearest to a number from −1 to 1. */
  static int nearest(float number) {
    int place = number > MIDDLES[7] ? 8 : 0;
    place += number > MIDDLES[place + 3] ? 4 : 0;
    place += number > MIDDLES[place + 1] ? 2 : 0;
    return place + (number > MIDDLES[place] ? 1 : 0);
  }

  private static float[] middles() {
    float[] middles = new float[VALUES.length - 1];
    for (int i = 0; i < middles.length; i++) {
      middles[i] = (VALUES[i] + VALUES[i + 1]) / 2;
    }
    return middles;
  }
}
