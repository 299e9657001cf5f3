package org.peftsweep.data;

import java.util.Arrays;

/**
 * Rows of equal length for one step; arrays are row-major and belong to the receiver.
 *
 * @param rows number of examples
 * @param tokens length of every row, padding included
 * @param ids [rows, tokens]
 * @param mask [rows, tokens], 1 for a token and 0 for padding; where a row holds several texts the
 *     number of a token's text, from 1
 * @param typeIds [rows, tokens], 0 in padding
 * @param labels [rows] class ids or values
 * @param exampleIndices [rows] row numbers of the examples in their part
 * @param prompt places at the start of every row that hold no tokens, but what a method puts there
 * @param past positions that a method puts before the first of every row
 */
public record Batch(
    int rows,
    int tokens,
    int[] ids,
    int[] mask,
    int[] typeIds,
    float[] labels,
    int[] exampleIndices,
    int prompt,
    int past) {

  /** A batch of tokens alone. */
  public Batch(
      int rows,
      int tokens,
      int[] ids,
      int[] mask,
      int[] typeIds,
      float[] labels,
      int[] exampleIndices) {
    this(rows, tokens, ids, mask, typeIds, labels, exampleIndices, 0, 0);
  }

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

  /** Returns the same rows with so many places before each that hold no tokens. */
  public Batch withPrompt(int places) {
    int length = places + tokens;
    int[] longIds = new int[rows * length];
    int[] longMask = new int[longIds.length];
    int[] longTypes = new int[longIds.length];
    for (int row = 0; row < rows; row++) {
      // Where a row has several texts all of them see what stands before.
      Arrays.fill(longMask, row * length, row * length + places, hasTexts() ? -1 : 1);
      System.arraycopy(ids, row * tokens, longIds, row * length + places, tokens);
      System.arraycopy(mask, row * tokens, longMask, row * length + places, tokens);
      System.arraycopy(typeIds, row * tokens, longTypes, row * length + places, tokens);
    }
    return new Batch(
        rows, length, longIds, longMask, longTypes, labels, exampleIndices, places, past);
  }

  /** Returns the same rows, so many positions further on. */
  public Batch after(int positions) {
    return new Batch(rows, tokens, ids, mask, typeIds, labels, exampleIndices, prompt, positions);
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
    return new Batch(
        chosen.length, tokens, someIds, someMask, someTypes, someLabels, someIndices, prompt, past);
  }

  /** Whether a row holds several texts. */
  public boolean hasTexts() {
    for (int value : mask) {
      if (value > 1) {
        return true;
      }
    }
    return false;
  }

  /** Tokens that are not padding. */
  public int realTokens() {
    int real = 0;
    for (int value : mask) {
      real += value == 0 ? 0 : 1;
    }
    return real;
  }
}
