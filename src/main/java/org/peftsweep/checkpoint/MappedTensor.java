package org.peftsweep.checkpoint;

import java.nio.FloatBuffer;
import java.util.List;

/**
 * A tensor of floats that lies in a mapped file, row-major or transposed.
 *
 * @param file holds all of it
 * @param dtype one of {@link DType#FLOATS}
 * @param position first byte in the file
 * @param shape sizes as they are read, outermost first
 * @param isTransposed whether the file has the two axes of a matrix the other way round
 */
record MappedTensor(
    MappedFile file, DType dtype, long position, List<Long> shape, boolean isTransposed)
    implements FloatSource {
  MappedTensor {
    shape = List.copyOf(shape);
  }

  /** Bytes of all elements; -1 where no file could hold them. */
  static long bytes(DType dtype, List<Long> shape) {
    try {
      return shape.stream().reduce((long) dtype.bytes(), Math::multiplyExact);
    } catch (ArithmeticException e) {
      return -1;
    }
  }

  /** The same bytes read as the transposed matrix. */
  MappedTensor transposed() {
    return new MappedTensor(
        file, dtype, position, List.of(shape.get(1), shape.get(0)), !isTransposed);
  }

  @Override
  public void read(long from, FloatBuffer target) {
    long rows = isTransposed ? shape.get(0) : 1;
    long columns = isTransposed ? shape.get(1) : 1;
    for (long at = from; target.hasRemaining(); at++) {
      long stored = isTransposed ? at % columns * rows + at / columns : at;
      target.put(file.element(position + stored * dtype.bytes(), dtype));
    }
  }
}
