package org.peftsweep.optim;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;

/**
 * Walks tensors of one size through ordinary memory, some rows at a time: any formula, no kernel.
 */
final class Slices {
  private static final int MOST = 1 << 14;

  /** Changes what was read of the tensors. */
  @FunctionalInterface
  interface Change {
    /**
     * Changes a slice in place.
     *
     * @param from place of its first float in the tensors
     * @param count of its floats; the arrays may be longer
     * @param in of the tensor that is only read
     * @param out of those that are written back
     */
    void apply(int from, int count, float[] in, float[][] out);
  }

  private Slices() {}

  /**
   * Changes tensors slice by slice.
   *
   * @param width floats that stay together
   * @param in is only read
   * @param out are read and written
   */
  static void change(Backend backend, int width, Tensor in, Change change, Tensor... out) {
    int size = Math.toIntExact(in.size());
    int most = Math.min(size, Math.max(1, MOST / Math.max(1, width)) * Math.max(1, width));
    float[] read = new float[most];
    float[][] written = new float[out.length][most];
    for (int from = 0; from < size; from += most) {
      int count = Math.min(most, size - from);
      backend.read(in, from, read, 0, count);
      for (int i = 0; i < out.length; i++) {
        backend.read(out[i], from, written[i], 0, count);
      }
      change.apply(from, count, read, written);
      for (int i = 0; i < out.length; i++) {
        backend.write(written[i], 0, out[i], from, count);
      }
    }
  }
}
