package org.peftsweep.compute;

/**
 * A stretch of memory that one kind of backend allocated and only that kind can read, measured in
 * 32-bit floats whatever it holds.
 */
public interface Memory {
  /** Returns the length in floats. */
  long floats();

  /** Whether it was not freed yet. */
  default boolean isLive() {
    return true;
  }
}
