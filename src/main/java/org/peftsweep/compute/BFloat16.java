package org.peftsweep.compute;

/**
 * Elements of {@link ElementType#BF16}, to and from 32 bits. Narrowing rounds to nearest, ties to
 * even, as PyTorch does; a NaN stays a (quiet) NaN.
 */
public final class BFloat16 {
  private static final int QUIET = 0x40;

  private BFloat16() {}

  /** Returns the value, exactly. */
  public static float toFloat(short half) {
    return Float.intBitsToFloat(half << 16);
  }

  /** Returns the nearest element; beyond the largest by half a step, an infinity. */
  public static short of(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short)
        (Float.isNaN(value) ? bits >>> 16 | QUIET : bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }
}
