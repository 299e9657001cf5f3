package org.peftsweep.compute.cpu;

import static org.peftsweep.compute.cpu.HostMemory.at;
import static org.peftsweep.compute.cpu.HostMemory.buffer;
import static org.peftsweep.compute.cpu.Vectors.BYTES;
import static org.peftsweep.compute.cpu.Vectors.LANES;
import static org.peftsweep.compute.cpu.Vectors.load;
import static org.peftsweep.compute.cpu.Vectors.splat;
import static org.peftsweep.compute.cpu.Vectors.store;

import java.nio.ByteBuffer;
import jdk.incubator.vector.FloatVector;
import org.peftsweep.compute.Tensor;

/** Losses with their gradients; one loss per row, added up in order by the caller. */
final class Losses {
  private Losses() {}

  /** Stores each row's cross-entropy in {@code losses}, 0 where the label is negative. */
  static void crossEntropy(Tensor logits, int[] labels, double[] losses, long from, long to) {
    int n = logits.columns();
    for (long i = from; i < to; i++) {
      int label = labels[(int) i];
      long row = i * n;
      losses[(int) i] = 0;
      if (label >= 0) {
        ByteBuffer in = buffer(logits, row);
        int inAt = at(logits, row);
        float top = max(in, inAt, n);
        float own = in.getFloat(inAt + label * Float.BYTES);
        double sum = sumOfExponentials(in, inAt, top, n);
        losses[(int) i] = Math.log(sum) - (own - top);
      }
    }
  }

  /**
   * Stores {@code (softmax − one-hot)·share}, given each row's loss: the softmax of class j is
   * {@code e^(x[j] − x[label] − loss)}.
   */
  static void crossEntropyGradient(
      Tensor logits,
      int[] labels,
      float share,
      double[] losses,
      Tensor dLogits,
      long from,
      long to) {
    int n = logits.columns();
    for (long i = from; i < to; i++) {
      int label = labels[(int) i];
      long row = i * n;
      ByteBuffer out = buffer(dLogits, row);
      int outAt = at(dLogits, row);
      if (label < 0) {
        Elementwise.fill(0, out, outAt, n);
      } else {
        ByteBuffer in = buffer(logits, row);
        int inAt = at(logits, row);
        float own = in.getFloat(inAt + label * Float.BYTES);
        softmax(in, inAt, (float) (own + losses[(int) i]), share, out, outAt, n);
        int ownAt = outAt + label * Float.BYTES;
        out.putFloat(ownAt, out.getFloat(ownAt) - share);
      }
    }
  }

  private static float max(ByteBuffer x, int xAt, int n) {
    int whole = n / LANES * LANES;
    float top = whole == 0 ? Float.NEGATIVE_INFINITY : Softmax.max(x, xAt, whole);
    for (int i = whole; i < n; i++) {
      top = Math.max(top, x.getFloat(xAt + i * Float.BYTES));
    }
    return top;
  }

  private static double sumOfExponentials(ByteBuffer x, int xAt, float top, int n) {
    FloatVector sums = splat(0);
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      sums = sums.add(Vectors.expOfNegative(load(x, xAt + i).sub(top)));
    }
    double rest = 0;
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      rest += Math.exp(x.getFloat(xAt + i) - top);
    }
    return Vectors.sum(sums) + rest;
  }

  private static void softmax(
      ByteBuffer x, int xAt, float top, float factor, ByteBuffer y, int yAt, int n) {
    int i = 0;
    for (; i <= (n - LANES) * Float.BYTES; i += BYTES) {
      store(Vectors.expOfNegative(load(x, xAt + i).sub(top)).mul(factor), y, yAt + i);
    }
    for (; i < n * Float.BYTES; i += Float.BYTES) {
      y.putFloat(yAt + i, (float) Math.exp(x.getFloat(xAt + i) - top) * factor);
    }
  }
}
