package org.peftsweep.compute;

/**
 * A matrix in 8 or 4 bits an element as kernels read it: where what lies in its one memory. First
 * come the elements, the first of a byte in its upper half; then, of a row, its largest magnitude;
 * or, of blocks, their codes, the largest magnitudes of these, and the mean. {@link
 * QuantisedWeight} says what they mean.
 *
 * @param memory of {@link #floats}
 */
public record QuantisedMatrix(ElementType type, Memory memory, int rows, int columns) {
  /** Elements of {@link ElementType#NF4} with one scale. */
  public static final int BLOCK = 64;

  /** Scales of such blocks with one scale. */
  public static final int GROUP = 256;

  /** What the largest magnitude of a row becomes. */
  static final int MOST = 127;

  /** Returns the memory that a matrix takes, scales included, in 32-bit floats. */
  public static long floats(ElementType type, int rows, int columns) {
    long size = (long) rows * columns;
    return type == ElementType.I8
        ? type.floats(size) + rows
        : type.floats(size) + ElementType.I8.floats(blocks(size)) + groups(size) + 1;
  }

  /** Returns the number of elements. */
  public long size() {
    return (long) rows * columns;
  }

  /** Returns the elements {@code [rows, columns]}, without their scales. */
  public Tensor elements() {
    return new Tensor(type, memory, 0, rows, columns);
  }

  /**
   * Returns where the scales begin in the memory, in floats: the largest magnitudes of rows, or a
   * byte for each block, the place of its scale's code.
   */
  public long scalesAt() {
    return type.floats(size());
  }

  /** Returns where the largest magnitudes of groups of blocks' scales, less their mean, begin. */
  public long groupsAt() {
    return scalesAt() + ElementType.I8.floats(blocks(size()));
  }

  /** Returns where the mean of the scales of blocks is. */
  public long meanAt() {
    return floats(type, rows, columns) - 1;
  }

  /** Returns what a row's whole numbers are multiplied by, of the largest magnitude. */
  public static float scale(float largest) {
    return largest * (1f / MOST);
  }

  /** Returns how many blocks there are of so many elements. */
  static long blocks(long size) {
    return (size + BLOCK - 1) / BLOCK;
  }

  private static long groups(long size) {
    return (blocks(size) + GROUP - 1) / GROUP;
  }

  @Override
  public String toString() {
    return type + " [" + rows + ", " + columns + "]";
  }
}
