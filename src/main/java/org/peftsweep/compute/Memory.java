package org.peftsweep.compute;

/** A stretch of 32-bit floats that one kind of backend allocated and only that kind can read. */
public interface Memory {
  /** Returns the length in floats. */
  long floats();
}
