package org.peftsweep.data;

/**
 * A text, or a pair, as a model reads it.
 *
 * @param ids [tokens] token ids with special tokens
 * @param typeIds [tokens] 0 for the first text, 1 for the second where the model tells them apart;
 *     of texts for a language model 1 for what it is to write
 */
public record Encoded(int[] ids, int[] typeIds) {

  public Encoded {
    if (ids.length != typeIds.length) {
      throw new IllegalArgumentException(
          "Cannot pair " + ids.length + " token ids with " + typeIds.length + " type ids");
    }
  }

  /** How many tokens there are. */
  public int tokens() {
    return ids.length;
  }
}
