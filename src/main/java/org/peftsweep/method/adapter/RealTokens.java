package org.peftsweep.method.adapter;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.data.Batch;

/** Hidden states of the tokens of a batch, without those of its padding. */
final class RealTokens {
  private RealTokens() {}

  /** Returns the rows {@code [real tokens, width]} of x {@code [rows·tokens, width]}. */
  static double[] rows(Backend backend, Tensor x, Batch batch) {
    int width = x.columns();
    float[] row = new float[width];
    double[] real = new double[batch.realTokens() * width];
    int at = 0;
    for (int i = 0; i < batch.mask().length; i++) {
      if (batch.mask()[i] != 0) {
        backend.read(x, (long) i * width, row, 0, width);
        for (int j = 0; j < width; j++) {
          real[at++] = row[j];
        }
      }
    }
    return real;
  }
}
