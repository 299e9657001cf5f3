package org.peftsweep.method;

import java.util.List;
import org.peftsweep.data.Batch;

/**
 * The checks that records make on their settings. Each throws {@link IllegalArgumentException}
 * saying {@code Cannot use <setting> = <value>: <what to give>}; the reader of sweep files adds the
 * line.
 */
public final class Settings {
  /** The largest rank. */
  public static final int MOST_RANK = 65_536;

  /** The largest number of steps. */
  public static final int MOST_STEPS = 1_000_000_000;

  /** The largest count of rows, passes, tokens and the like. */
  public static final int MOST = 1_000_000;

  /** Bounds of real numbers, within single precision. */
  private static final double LEAST_REAL = 1e-30;

  private static final double MOST_REAL = 1e30;

  private Settings() {}

  /** A whole number from {@code least} to {@code most}. */
  public static void between(String setting, int value, int least, int most) {
    if (value < least) {
      throw refusal(setting, value, "a whole number of at least " + least);
    } else if (value > most) {
      throw refusal(setting, value, "a whole number of at most " + most);
    }
  }

  /** An inner dimension. */
  public static void rank(int value) {
    between("rank", value, 1, MOST_RANK);
  }

  /** A number from {@code least} to {@code most}. */
  public static void between(String setting, double value, double least, double most) {
    if (!(value >= least)) {
      throw refusal(setting, value, "a number of at least " + text(least));
    } else if (value > most) {
      throw refusal(setting, value, "a number of at most " + text(most));
    }
  }

  /** A number above 0. */
  public static void positive(String setting, double value) {
    if (!(value > 0)) {
      throw refusal(setting, value, "a number above 0");
    }
    between(setting, value, LEAST_REAL, MOST_REAL);
  }

  /** A number of at least 0. */
  public static void notNegative(String setting, double value) {
    between(setting, value, 0, MOST_REAL);
  }

  /** A number in [0, 1). */
  public static void fraction(String setting, double value) {
    if (!(value >= 0 && value < 1)) {
      throw refusal(setting, value, "a number from 0 up to, not including, 1");
    }
  }

  /** Refuses a start that is computed from the first batches where there are none. */
  static void someExamples(String method, List<Batch> first) {
    if (first.isEmpty()) {
      throw new ImpossibleSettingException(
          "Cannot start " + method + " without training examples: give some");
    }
  }

  private static String text(double bound) {
    return bound == Math.rint(bound) && bound < MOST_REAL
        ? Long.toString((long) bound)
        : Double.toString(bound).replace(".0E", "e");
  }

  private static IllegalArgumentException refusal(String setting, Object value, String instead) {
    return new IllegalArgumentException(
        "Cannot use " + setting + " = " + value + ": give " + instead);
  }
}
