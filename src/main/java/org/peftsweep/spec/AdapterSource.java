package org.peftsweep.spec;

import java.util.Objects;

/**
 * The adapter that training starts from.
 *
 * @param location a folder in PEFT's layout on any Hadoop file system, or {@code none}
 * @param contentHash SHA-256 over its settings and tensors; empty for none
 */
public record AdapterSource(String location, String contentHash) {
  /** Training starts as the method says. */
  public static final AdapterSource NONE = new AdapterSource("none", "");

  public AdapterSource {
    Objects.requireNonNull(location, "location");
    Objects.requireNonNull(contentHash, "contentHash");
  }

  /** Whether a location names no adapter. */
  static boolean isNone(String location) {
    return location.equals(NONE.location);
  }

  /** Whether there is none. */
  public boolean isNone() {
    return isNone(location);
  }
}
