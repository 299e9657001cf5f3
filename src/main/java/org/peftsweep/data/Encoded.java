package org.peftsweep.data;

import java.util.Arrays;

/**
 * A text, or a pair, as a model reads it.
 *
 * @param ids [tokens] token ids with special tokens
 * @param typeIds [tokens] 0 for the first text, 1 for the second where the model tells them apart;
 *     of texts for a language model 1 for what it is to write
 * @param texts [tokens] number of the text that a token is of, from 1
 */
public record Encoded(int[] ids, int[] typeIds, int[] texts) {
  /** One text. */
  public Encoded(int[] ids, int[] typeIds) {
    this(ids, typeIds, ones(ids.length));
  }

  public Encoded {
    if (ids.length != typeIds.length || ids.length != texts.length) {
      throw new IllegalArgumentException(
          "Cannot pair " + ids.length + " token ids with " + typeIds.length + " type ids");
    }
  }

  private static int[] ones(int count) {
    int[] ones = new int[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  /** How many tokens there are. */
  public int tokens() {
    return ids.length;
  }
}
