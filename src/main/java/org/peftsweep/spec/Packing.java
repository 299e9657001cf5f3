package org.peftsweep.spec;

import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * How many trials may train in one pack.
 *
 * @param mostLanes empty for as many as serve, 1 for no packs
 */
public record Packing(OptionalInt mostLanes) {
  /** Every trial trains alone. */
  public static final Packing OFF = new Packing(OptionalInt.of(1));

  private static final Packing AUTO = new Packing(OptionalInt.empty());
  private static final Pattern NUMBER = Pattern.compile("[2-9]|[1-9][0-9]");

  /**
   * Reads {@code auto}, {@code off} or a number.
   *
   * @throws IllegalArgumentException for anything else
   */
  static Packing of(String text) {
    if (text.equals("auto")) {
      return AUTO;
    }
    if (text.equals("off")) {
      return OFF;
    }
    if (!NUMBER.matcher(text).matches()) {
      throw new IllegalArgumentException(
          "Cannot use pack = " + text + ": give auto, off, or a number from 2 to 99");
    }
    return new Packing(OptionalInt.of(Integer.parseInt(text)));
  }
}
