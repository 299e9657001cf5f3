package org.peftsweep.bench;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import org.peftsweep.model.Weights.Fresh;

/**
 * Initial values that every contender computes alike, from a tensor's name and an element's index;
 * quick enough for a hundred million.
 */
final class Draws {
  private static final double DEVIATION = 0.02;

  private Draws() {}

  /** Returns a tensor's values: uniform with deviation 0.02, zeros or ones. */
  static float[] values(String name, Fresh fresh, int... shape) {
    long size = 1;
    for (int extent : shape) {
      size *= extent;
    }
    float[] values = new float[Math.toIntExact(size)];
    if (fresh == Fresh.ONES) {
      java.util.Arrays.fill(values, 1);
    } else if (fresh == Fresh.NORMAL) {
      CRC32 crc = new CRC32();
      crc.update(name.getBytes(StandardCharsets.UTF_8));
      long seed = crc.getValue() << 32;
      // Uniform on ±s√3 has deviation s.
      float spread = (float) (DEVIATION * Math.sqrt(3) / (1L << 31));
      for (int i = 0; i < values.length; i++) {
        values[i] = (int) (mix(seed + i) >> 32) * spread;
      }
    }
    return values;
  }

  /** SplitMix64's finaliser (Steele, Lea and Flood, 2014). */
  static long mix(long index) {
    long z = (index + 1) * 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
