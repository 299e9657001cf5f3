package org.peftsweep.spec;

import java.math.BigDecimal;

/** Numbers as people write them: {@code 4}, {@code 2.5}, {@code 2e-5}. */
final class Numbers {
  private static final int LEAST_EXPONENT = -3;

  private Numbers() {}

  static String text(double number) {
    BigDecimal decimal = BigDecimal.valueOf(number).stripTrailingZeros();
    int exponent = decimal.precision() - decimal.scale() - 1;
    if (decimal.signum() == 0 || exponent > LEAST_EXPONENT) {
      return decimal.toPlainString();
    }
    return decimal.movePointLeft(exponent).toPlainString() + "e" + exponent;
  }
}
