package org.peftsweep.compute;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BFloat16Test {
  private static final int MANY = 200_000;

  @Test
  void everyElementIsExactlyItself() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = BFloat16.toFloat((short) bits);
      if (Float.isNaN(value)) {
        assertThat(BFloat16.toFloat(BFloat16.of(value))).isNaN();
      } else {
        assertThat(BFloat16.of(value)).isEqualTo((short) bits);
      }
    }
  }

  @Test
  void narrowingTakesTheNearestAndOfTwoTheEven() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < MANY; i++) {
      // Every eighth lies half-way between two elements.
      float value = Float.intBitsToFloat(random.nextInt() & (i % 8 == 0 ? 0xffff8000 : -1));
      if (Float.isNaN(value) || Math.abs(value) > 0x1.fep127f) {
        continue;
      }
      int below = Float.floatToRawIntBits(value) >>> 16;
      BigDecimal toLower = distance(value, (short) below);
      BigDecimal toUpper = distance(value, (short) (below + 1));
      int order = toLower.compareTo(toUpper);
      boolean takesLower = order < 0 || order == 0 && (below & 1) == 0;
      assertThat(BFloat16.of(value))
          .as("%s", value)
          .isEqualTo((short) (takesLower ? below : below + 1));
    }
  }

  private static BigDecimal distance(float value, short element) {
    float other = BFloat16.toFloat(element);
    // Above the largest the next step would be 2^128.
    BigDecimal to =
        Float.isInfinite(other)
            ? new BigDecimal(Math.copySign(0x1p128, other))
            : new BigDecimal(other);
    return to.subtract(new BigDecimal(value)).abs();
  }

  @Test
  void noNumberBecomesNoneAndNoneBecomesANumber() {
    SplittableRandom random = new SplittableRandom(2);
    for (int i = 0; i < MANY; i++) {
      int bits = i % 2 == 0 ? random.nextInt() : random.nextInt() | 0x7f800000;
      float value = Float.intBitsToFloat(bits);
      assertThat(Float.isNaN(BFloat16.toFloat(BFloat16.of(value)))).isEqualTo(Float.isNaN(value));
    }
    assertThat(BFloat16.toFloat(BFloat16.of(Float.intBitsToFloat(0x7f800001)))).isNaN();
    assertThat(BFloat16.toFloat(BFloat16.of(Float.NEGATIVE_INFINITY)))
        .isEqualTo(Float.NEGATIVE_INFINITY);
    assertThat(BFloat16.toFloat(BFloat16.of(Float.MAX_VALUE))).isEqualTo(Float.POSITIVE_INFINITY);
  }
}
