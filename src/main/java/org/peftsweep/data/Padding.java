package org.peftsweep.data;

import java.util.Arrays;
import java.util.Locale;

/** How long the rows of a batch are made. */
public enum Padding {
  /** Always the longest length allowed, as the published scripts do. */
  MAX,
  /** The longest row of the batch, rounded up to a multiple of 8. */
  LONGEST;

  private static final int MULTIPLE = 8;

  /** The name in sweep files, such as {@code longest}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The policy of that name; {@link IllegalArgumentException} names the choices. */
  public static Padding ofId(String id) {
    return Arrays.stream(values())
        .filter(padding -> padding.id().equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "Cannot pad to " + id + ": choose one of [max, longest]"));
  }

  int tokens(int longest, int maxTokens) {
    return this == MAX
        ? maxTokens
        : Math.min(maxTokens, (longest + MULTIPLE - 1) / MULTIPLE * MULTIPLE);
  }
}
