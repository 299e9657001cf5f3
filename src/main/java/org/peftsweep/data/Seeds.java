package org.peftsweep.data;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/**
 * Independent random streams of one seed, told apart by what they are for, so that drawing more
 * numbers for one purpose never changes another.
 *
 * @param seed the trial's seed, any value
 */
public record Seeds(long seed) {

  /** The first eight bytes of SHA-256 over (seed, purpose). */
  public long of(String purpose) {
    byte[] text = purpose.getBytes(StandardCharsets.UTF_8);
    ByteBuffer key = ByteBuffer.allocate(Long.BYTES + text.length).putLong(seed).put(text);
    return ByteBuffer.wrap(ContentHash.sha256().digest(key.array())).getLong();
  }

  /** The same for one of many, such as an epoch. */
  public long of(String purpose, long index) {
    return of(purpose + " " + index);
  }

  /** A fresh generator at the start of that stream. */
  public SplittableRandom random(String purpose) {
    return new SplittableRandom(of(purpose));
  }

  /** The numbers 0 to {@code length - 1} in the random order of that stream. */
  public int[] permutation(String purpose, int length) {
    int[] order = new int[length];
    SplittableRandom random = random(purpose);
    for (int i = 0; i < length; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
