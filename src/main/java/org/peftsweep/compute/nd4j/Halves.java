package org.peftsweep.compute.nd4j;

import org.peftsweep.compute.BFloat16;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.QuantisedMatrix;
import org.peftsweep.compute.QuantisedWeight;
import org.peftsweep.compute.Tensor;

/**
 * Tensors of {@link ElementType#BF16}, two elements a float of memory, and quantised weights: they
 * are converted on the host, into memory that stays.
 */
final class Halves {
  /** Elements converted at a time; even. */
  private static final int CHUNK = 1 << 16;

  private final Views views;
  private Nd4jMemory wide;

  Halves(Views views) {
    this.views = views;
  }

  static boolean isHalf(Tensor x) {
    return x.type() == ElementType.BF16;
  }

  /** Returns a tensor of 32-bit floats with x's values: x itself where it is one. */
  Tensor widened(Tensor x) {
    if (!isHalf(x)) {
      return x;
    }
    reserve(x.size());
    float[] part = new float[CHUNK];
    for (long from = 0; from < x.size(); from += CHUNK) {
      int count = (int) Math.min(CHUNK, x.size() - from);
      read(x, from, part, 0, count);
      wide.write(part, 0, from, count);
    }
    return new Tensor(wide, 0, x.shape());
  }

  /** Returns a tensor of 32-bit floats with a weight's values. */
  Tensor widened(QuantisedMatrix w, Backend backend) {
    QuantisedWeight values = new QuantisedWeight(w);
    reserve(w.size());
    float[] part = new float[CHUNK];
    for (long from = 0; from < w.size(); from += CHUNK) {
      int count = (int) Math.min(CHUNK, w.size() - from);
      values.read(backend, from, part, 0, count);
      wide.write(part, 0, from, count);
    }
    return new Tensor(wide, 0, values.shape());
  }

  /** Returns the rows of x with these ids as 32-bit floats. */
  Tensor rows(Tensor x, int[] ids) {
    int columns = x.columns();
    float[] rows = new float[ids.length * columns];
    for (int i = 0; i < ids.length; i++) {
      read(x, (long) ids[i] * columns, rows, i * columns, columns);
    }
    reserve(rows.length);
    wide.write(rows, 0, 0, rows.length);
    return new Tensor(wide, 0, ids.length, columns);
  }

  private void reserve(long floats) {
    if (wide == null || wide.floats() < floats) {
      close();
      wide = new Nd4jMemory(floats);
    }
  }

  static void read(Tensor source, long sourceOffset, float[] target, int targetOffset, int count) {
    long first = source.offset() + sourceOffset;
    float[] pairs = pairs(source, first, count);
    for (int i = 0; i < count; i++) {
      long element = first + i;
      int pair = Float.floatToRawIntBits(pairs[(int) (element / 2 - first / 2)]);
      target[targetOffset + i] = BFloat16.toFloat((short) (pair >>> shift(element)));
    }
  }

  static void write(float[] source, int sourceOffset, Tensor target, long targetOffset, int count) {
    long first = target.offset() + targetOffset;
    float[] pairs = pairs(target, first, count);
    for (int i = 0; i < count; i++) {
      long element = first + i;
      int at = (int) (element / 2 - first / 2);
      int half = (BFloat16.of(source[sourceOffset + i]) & 0xffff) << shift(element);
      int other = Float.floatToRawIntBits(pairs[at]) & ~(0xffff << shift(element));
      pairs[at] = Float.intBitsToFloat(other | half);
    }
    Views.anyMemory(target).write(pairs, 0, first / 2, pairs.length);
  }

  /** Copies all elements into a tensor of halves; from is of any type. */
  static void copy(Tensor from, Tensor to) {
    float[] part = new float[CHUNK];
    for (long at = 0; at < from.size(); at += CHUNK) {
      int count = (int) Math.min(CHUNK, from.size() - at);
      if (isHalf(from)) {
        read(from, at, part, 0, count);
      } else {
        Views.memory(from).read(from.offset() + at, part, 0, count);
      }
      write(part, 0, to, at, count);
    }
  }

  /** The first element of a pair is its lower half. */
  private static int shift(long element) {
    return (int) (element & 1) * Short.SIZE;
  }

  private static float[] pairs(Tensor x, long first, int count) {
    int length = count == 0 ? 0 : (int) ((first + count - 1) / 2 - first / 2 + 1);
    float[] pairs = new float[length];
    Views.anyMemory(x).read(first / 2, pairs, 0, length);
    return pairs;
  }

  void close() {
    views.free(wide);
    wide = null;
  }
}
