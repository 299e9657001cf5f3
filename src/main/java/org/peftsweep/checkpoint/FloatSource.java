package org.peftsweep.checkpoint;

import java.nio.FloatBuffer;

/** Values of a tensor that need not lie on the heap, handed over in parts. */
@FunctionalInterface
public interface FloatSource {
  /**
   * Fills what remains of a buffer with the elements that begin at index {@code from} of the
   * row-major order.
   */
  void read(long from, FloatBuffer target);

  /** The values of an array. */
  static FloatSource of(float[] values) {
    return (from, target) -> target.put(values, Math.toIntExact(from), target.remaining());
  }
}
