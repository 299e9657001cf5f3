package org.peftsweep.compute.nd4j;

import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;

/**
 * Elements that are no floats, as the bits of the floats that ND4J's memory consists of; one of 64
 * bits takes two, the lower half first.
 */
final class Bits {
  private Bits() {}

  static void write(Tensor target, int... values) {
    float[] bits = new float[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.intBitsToFloat(values[i]);
    }
    write(ElementType.I32, target, bits);
  }

  static void write(Tensor target, long... values) {
    write(ElementType.I64, target, halves(values));
  }

  static void write(Tensor target, double... values) {
    long[] bits = new long[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Double.doubleToRawLongBits(values[i]);
    }
    write(ElementType.F64, target, halves(bits));
  }

  static int[] ints(Tensor source) {
    float[] bits = read(ElementType.I32, source);
    int[] values = new int[bits.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.floatToRawIntBits(bits[i]);
    }
    return values;
  }

  /** Returns the first element. */
  static long seed(Tensor source) {
    return join(read(ElementType.I64, source), 0);
  }

  static double[] numbers(Tensor source) {
    float[] bits = read(ElementType.F64, source);
    double[] values = new double[bits.length / 2];
    for (int i = 0; i < values.length; i++) {
      values[i] = Double.longBitsToDouble(join(bits, i));
    }
    return values;
  }

  private static float[] halves(long... values) {
    float[] bits = new float[2 * values.length];
    for (int i = 0; i < values.length; i++) {
      bits[2 * i] = Float.intBitsToFloat((int) values[i]);
      bits[2 * i + 1] = Float.intBitsToFloat((int) (values[i] >>> 32));
    }
    return bits;
  }

  private static long join(float[] bits, int index) {
    long low = Integer.toUnsignedLong(Float.floatToRawIntBits(bits[2 * index]));
    return (long) Float.floatToRawIntBits(bits[2 * index + 1]) << 32 | low;
  }

  private static void write(ElementType type, Tensor target, float... bits) {
    require(type, target);
    if (bits.length > type.floats(target.size())) {
      throw new IllegalArgumentException("Cannot write more to " + target + " than it holds");
    }
    Views.anyMemory(target).write(bits, 0, offset(target), bits.length);
  }

  private static float[] read(ElementType type, Tensor source) {
    require(type, source);
    float[] bits = new float[Math.toIntExact(type.floats(source.size()))];
    Views.anyMemory(source).read(offset(source), bits, 0, bits.length);
    return bits;
  }

  private static long offset(Tensor tensor) {
    return tensor.type().floats(tensor.offset());
  }

  private static void require(ElementType type, Tensor tensor) {
    if (tensor.type() != type) {
      throw new IllegalArgumentException("Cannot use " + tensor + " as " + type);
    }
  }
}
