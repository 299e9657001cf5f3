package org.peftsweep.compute;

/**
 * Which elements dropout keeps: a hash of (seed, index), so that every backend, thread count and
 * batch split draws the same mask, and the way back draws it again instead of storing it.
 *
 * <p>The hash is two rounds of a 32-bit multiply–xorshift mixer, chosen because it needs only
 * 32-bit integer lanes; an element is kept when its upper 24 bits, as a fraction, are at least p.
 */
public final class Dropout {
  private Dropout() {}

  /** Whether element {@code index} (wrapped to 32 bits) survives dropout with probability p. */
  public static boolean keeps(long seed, long index, float p) {
    return (hash((int) index, (int) seed, (int) (seed >>> 32)) >>> 8) >= threshold(p);
  }

  /** Returns {@code p·2²⁴}: an element is kept when {@code hash >>> 8} is at least this. */
  public static int threshold(float p) {
    return (int) (p * (1 << 24));
  }

  /** Returns the 32 random bits of an element; plain lane arithmetic, for kernels to repeat. */
  public static int hash(int index, int low, int high) {
    int h = index * 0x9E3779B1 + low;
    h ^= h >>> 16;
    h *= 0x7FEB352D;
    h ^= h >>> 15;
    h *= 0x846CA68B;
    h ^= h >>> 16;
    h += high;
    h ^= h >>> 16;
    h *= 0x7FEB352D;
    h ^= h >>> 15;
    h *= 0x846CA68B;
    h ^= h >>> 16;
    return h;
  }
}
