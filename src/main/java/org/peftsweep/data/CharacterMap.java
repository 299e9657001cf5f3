package org.peftsweep.data;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * The {@code precompiled_charsmap} of a SentencePiece model: by what its characters are replaced
 * before a text is cut, such as NFKC with blanks for control characters ({@code nmt_nfkc}). At each
 * place the longest rule holds.
 *
 * <p>The bytes are a length, so many bytes of a double array (Yata, Darts-clone) whose values are
 * places in what follows: replacements in UTF-8, each ended by a zero.
 */
final class CharacterMap {
  private static final int LEAF = 1 << 8;
  private static final int LABEL = 1 << 31 | 0xff;
  private static final int WIDE = 1 << 9;
  private static final int VALUE = 0x7fffffff;

  private final int[] units;
  private final byte[] replacements;
  private final List<byte[]> kept;

  private CharacterMap(int[] units, byte[] replacements, List<byte[]> kept) {
    this.units = units;
    this.replacements = replacements;
    this.kept = kept;
  }

  /**
   * Reads a map.
   *
   * @param kept words that stay as they are
   * @throws IllegalArgumentException if the bytes are none
   */
  static CharacterMap of(byte[] bytes, List<String> kept) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long length = bytes.length < Integer.BYTES ? -1 : Integer.toUnsignedLong(in.getInt());
    if (length < Integer.BYTES || length % Integer.BYTES != 0 || length > in.remaining()) {
      throw new IllegalArgumentException("its map of characters is cut off");
    }
    int[] units = new int[(int) length / Integer.BYTES];
    in.asIntBuffer().get(units);
    in.position(in.position() + (int) length);
    byte[] replacements = new byte[in.remaining()];
    in.get(replacements);
    return new CharacterMap(
        units,
        replacements,
        kept.stream()
            .map(word -> word.getBytes(StandardCharsets.UTF_8))
            .sorted(Comparator.comparingInt((byte[] word) -> word.length).reversed())
            .toList());
  }

  /** Returns a text with all replacements made. */
  String apply(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length);
    int at = 0;
    while (at < bytes.length) {
      at += step(bytes, at, out);
    }
    return out.toString(StandardCharsets.UTF_8);
  }

  /** Writes what becomes of the start of a rest, and returns its length. */
  private int step(byte[] bytes, int from, ByteArrayOutputStream out) {
    for (byte[] word : kept) {
      int end = from + word.length;
      if (end <= bytes.length && Arrays.equals(bytes, from, end, word, 0, word.length)) {
        out.write(word, 0, word.length);
        return word.length;
      }
    }
    int length = 0;
    int value = 0;
    int node = offset(unit(0));
    for (int i = from; i < bytes.length; i++) {
      node ^= bytes[i] & 0xff;
      int unit = unit(node);
      if ((unit & LABEL) != (bytes[i] & 0xff)) {
        break;
      }
      node ^= offset(unit);
      if ((unit & LEAF) != 0) {
        length = i + 1 - from;
        value = unit(node) & VALUE;
      }
    }
    if (length == 0) {
      int whole = characterBytes(bytes[from]);
      out.write(bytes, from, whole);
      return whole;
    }
    for (int i = value; i < replacements.length && replacements[i] != 0; i++) {
      out.write(replacements[i]);
    }
    return length;
  }

  /** A place outside of a damaged array has no rules. */
  private int unit(int node) {
    return node >= 0 && node < units.length ? units[node] : 0;
  }

  private static int offset(int unit) {
    return unit >>> 10 << ((unit & WIDE) >>> 6);
  }

  private static int characterBytes(byte first) {
    int ones = Integer.numberOfLeadingZeros(~first << 24);
    return Math.max(1, ones);
  }
}
