package org.peftsweep.compute;

/**
 * How a tensor's elements are stored. Arithmetic of weights is in {@link #F32} whatever the
 * storage; backends store weights as {@link #F32} and {@link #BF16}, and matrices that a {@link
 * QuantisedWeight} reads.
 */
public enum ElementType {
  /** IEEE 754 binary32. */
  F32(32),
  /** An F32 of which products may read only 10 bits of fraction; nothing is stored so. */
  TF32(32),
  /** The upper half of an F32: 8 bits of exponent, 7 of fraction. */
  BF16(16),
  /** IEEE 754 binary16. */
  F16(16),
  /** Whole numbers that a scale of their row turns into values: see {@link QuantisedWeight}. */
  I8(8),
  /** Places in a {@link NormalFloat}, whose values a scale of their block multiplies. */
  NF4(4),
  /** Whole numbers that choose: token ids, masks, labels. */
  I32(32),
  /** Seeds. */
  I64(64),
  /** IEEE 754 binary64: sums that a step is judged by. */
  F64(64);

  private final int bits;

  ElementType(int bits) {
    this.bits = bits;
  }

  /** Whether elements are values only together with scales. */
  public boolean isQuantised() {
    return this == I8 || this == NF4;
  }

  /** Returns the memory that so many elements take, in 32-bit floats. */
  public long floats(long elements) {
    return (Math.multiplyExact(elements, (long) bits) + Float.SIZE - 1) / Float.SIZE;
  }

  /** Returns the memory that so many elements take, in bytes. */
  public long bytes(long elements) {
    return Float.BYTES * floats(elements);
  }
}
