package org.peftsweep.method;

/** The checks that methods' records make on their settings. */
final class Settings {
  private Settings() {}

  static void atLeast(String setting, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(
          "Cannot use " + setting + " = " + value + ": give a whole number of at least " + least);
    }
  }

  static void positive(String setting, double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      throw new IllegalArgumentException(
          "Cannot use " + setting + " = " + value + ": give a number above 0");
    }
  }

  static void fraction(String setting, double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException(
          "Cannot use "
              + setting
              + " = "
              + value
              + ": give a number from 0 up to, not including, 1");
    }
  }
}
