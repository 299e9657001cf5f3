package org.peftsweep.data;

/**
 * Rows of equal length for one step; arrays are row-major and belong to the receiver.
 *
 * @param rows number of examples
 * @param tokens length of every row, padding included
 * @param ids [rows, tokens]
 * @param mask [rows, tokens], 1 for a token and 0 for padding
 * @param typeIds [rows, tokens], 0 in padding
 * @param labels [rows] class ids or values
 * @param exampleIndices [rows] row numbers of the examples in their part
 */
public record Batch(
    int rows,
    int tokens,
    int[] ids,
    int[] mask,
    int[] typeIds,
    float[] labels,
    int[] exampleIndices) {

  public Batch {
    int cells = Math.multiplyExact(rows, tokens);
    if (ids.length != cells || mask.length != cells || typeIds.length != cells) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot make a batch of [%d, %d] from %d ids, %d mask and %d type values",
              rows, tokens, ids.length, mask.length, typeIds.length));
    }
    if (labels.length != rows || exampleIndices.length != rows) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot make a batch of %d rows from %d labels and %d indices",
              rows, labels.length, exampleIndices.length));
    }
  }

  /** Returns some of its rows, as long as they are. */
  public Batch some(int... chosen) {
    int[] someIds = new int[chosen.length * tokens];
    int[] someMask = new int[someIds.length];
    int[] someTypes = new int[someIds.length];
    float[] someLabels = new float[chosen.length];
    int[] someIndices = new int[chosen.length];
    for (int i = 0; i < chosen.length; i++) {
      int from = chosen[i] * tokens;
      System.arraycopy(ids, from, someIds, i * tokens, tokens);
      System.arraycopy(mask, from, someMask, i * tokens, tokens);
      System.arraycopy(typeIds, from, someTypes, i * tokens, tokens);
      someLabels[i] = labels[chosen[i]];
      someIndices[i] = exampleIndices[chosen[i]];
    }
    return new Batch(chosen.length, tokens, someIds, someMask, someTypes, someLabels, someIndices);
  }

  /** Tokens that are not padding. */
  public int realTokens() {
    int real = 0;
    for (int value : mask) {
      real += value;
    }
    return real;
  }
}
