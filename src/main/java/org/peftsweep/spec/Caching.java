package org.peftsweep.spec;

/** What trials keep for each other of their passes. */
public enum Caching {
  /** Nothing. */
  OFF,
  /** Hidden states of the base's layers below all that learns. */
  FROZEN_PREFIX;

  /**
   * Reads {@code off} or {@code frozen-prefix}.
   *
   * @throws IllegalArgumentException for anything else
   */
  static Caching of(String text) {
    return switch (text) {
      case "off" -> OFF;
      case "frozen-prefix" -> FROZEN_PREFIX;
      default ->
          throw new IllegalArgumentException(
              "Cannot use cache = " + text + ": choose off or frozen-prefix");
    };
  }
}
