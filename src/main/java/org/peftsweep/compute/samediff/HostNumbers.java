package org.peftsweep.compute.samediff;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;

/** Whole numbers in a backend's memory, as the bits of floats. */
record HostNumbers(Backend backend) {
  int[] ints(Tensor numbers) {
    return bits(numbers, Math.toIntExact(numbers.size()));
  }

  /** Returns a seed, whose lower half comes first. */
  long seed(Tensor seed) {
    int[] halves = bits(seed, 2);
    return (long) halves[1] << Integer.SIZE | Integer.toUnsignedLong(halves[0]);
  }

  /** Returns a weight's values, row-major. */
  float[] values(Weight weight) {
    float[] values = new float[Math.toIntExact(weight.size())];
    weight.read(backend, 0, values, 0, values.length);
    return values;
  }

  private int[] bits(Tensor tensor, int count) {
    long from = tensor.type().floats(tensor.offset());
    float[] floats = new float[count];
    backend.read(new Tensor(tensor.memory(), from, count), 0, floats, 0, count);
    int[] bits = new int[count];
    for (int i = 0; i < count; i++) {
      bits[i] = Float.floatToRawIntBits(floats[i]);
    }
    return bits;
  }
}
