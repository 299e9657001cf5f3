package org.peftsweep.method;

/**
 * The checks that records make on their settings. Each throws {@link IllegalArgumentException}
 * saying {@code Cannot use <setting> = <value>: <what to give>}; the reader of sweep files adds the
 * line.
 */
public final class Settings {
  private Settings() {}

  /** A whole number of at least {@code least}. */
  public static void atLeast(String setting, int value, int least) {
    if (value < least) {
      throw refusal(setting, value, "a whole number of at least " + least);
    }
  }

  /** A finite number of at least {@code least}. */
  public static void atLeast(String setting, double value, double least) {
    if (!(value >= least) || Double.isInfinite(value)) {
      throw refusal(setting, value, "a number of at least " + least);
    }
  }

  /** A finite number above 0. */
  public static void positive(String setting, double value) {
    if (!(value > 0) || Double.isInfinite(value)) {
      throw refusal(setting, value, "a number above 0");
    }
  }

  /** A finite number of at least 0. */
  public static void notNegative(String setting, double value) {
    if (!(value >= 0) || Double.isInfinite(value)) {
      throw refusal(setting, value, "a number of at least 0");
    }
  }

  /** A number in [0, 1). */
  public static void fraction(String setting, double value) {
    if (!(value >= 0 && value < 1)) {
      throw refusal(setting, value, "a number from 0 up to, not including, 1");
    }
  }

  private static IllegalArgumentException refusal(String setting, Object value, String instead) {
    return new IllegalArgumentException(
        "Cannot use " + setting + " = " + value + ": give " + instead);
  }
}
