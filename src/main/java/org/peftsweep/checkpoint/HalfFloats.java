package org.peftsweep.checkpoint;

/**
 * IEEE 754's 16-bit floats, to and from 32 bits. Narrowing rounds to nearest, ties to even, as
 * PyTorch does; a NaN stays a (quiet) NaN.
 */
final class HalfFloats {
  private static final int SIGN = 0x8000;
  private static final int EXPONENT_SHIFT = 127 - 15;

  private HalfFloats() {}

  static float fromF16(short half) {
    int sign = (half & SIGN) << 16;
    int exponent = half >> 10 & 0x1f;
    int mantissa = half & 0x3ff;
    if (exponent == 0x1f) {
      return Float.intBitsToFloat(sign | 0x7f800000 | mantissa << 13);
    }
    if (exponent == 0) {
      return Float.intBitsToFloat(sign | Float.floatToRawIntBits(mantissa * 0x1p-24f));
    }
    return Float.intBitsToFloat(sign | exponent + EXPONENT_SHIFT << 23 | mantissa << 13);
  }

  static short toF16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 16 & SIGN;
    int magnitude = bits & 0x7fffffff;
    float absolute = Float.intBitsToFloat(magnitude);
    if (Float.isNaN(value)) {
      return (short) (sign | 0x7e00 | magnitude >>> 13 & 0x3ff);
    }
    if (absolute >= 65520f) {
      return (short) (sign | 0x7c00);
    }
    if (absolute < 0x1p-14f) {
      return (short) (sign | (int) Math.rint(absolute * 0x1p24));
    }
    int rounded = magnitude + 0xfff + (magnitude >>> 13 & 1);
    return (short) (sign | rounded - (EXPONENT_SHIFT << 23) >>> 13);
  }
}
