package org.peftsweep.compute.cpu;

import org.peftsweep.compute.AttentionShape;

/**
 * Which keys the queries of one call of attention may see; the arrays are kept from call to call.
 */
final class Visibility {
  private final int[] mask;
  private final int tokens;
  private final boolean causal;
  private final int[] first;
  private final int[] end;
  private final boolean[] holes;
  private final boolean[] texts;

  Visibility(AttentionShape shape, int[] mask) {
    this.mask = mask;
    this.tokens = shape.tokens();
    this.causal = shape.causal();
    this.first = new int[shape.batch()];
    this.end = new int[shape.batch()];
    this.holes = new boolean[shape.batch()];
    this.texts = new boolean[shape.batch()];
    for (int b = 0; b < shape.batch(); b++) {
      scan(b);
    }
  }

  private void scan(int b) {
    int seen = 0;
    first[b] = tokens;
    for (int j = 0; j < tokens; j++) {
      if (mask[b * tokens + j] != 0) {
        first[b] = Math.min(first[b], j);
        end[b] = j + 1;
        seen++;
        texts[b] |= causal && mask[b * tokens + j] > 1;
      }
    }
    holes[b] = seen < end[b];
  }

  /** Whether a query sees no key at all, and therefore attends to all evenly. */
  boolean isBlind(int b, int query) {
    return first[b] == tokens || (causal && query < first[b]);
  }

  /** Returns how many keys, counted from the first, a query's softmax covers. */
  int keys(int b, int query) {
    if (isBlind(b, query)) {
      return tokens;
    }
    return causal ? Math.min(end[b], query + 1) : end[b];
  }

  /** Returns the most that {@link #keys} gives for the queries {@code from} to {@code to}. */
  int mostKeys(int b, int from, int to) {
    return Math.max(keys(b, from), keys(b, to - 1));
  }

  /** Whether a key below {@link #keys} is masked. */
  boolean hasHoles(int b) {
    return holes[b];
  }

  /** Whether a sequence holds several texts. */
  boolean hasTexts(int b) {
    return texts[b];
  }

  /** Whether a key is of another text than a query. */
  boolean isOfOther(int b, int query, int key) {
    int own = mask[b * tokens + query];
    int other = mask[b * tokens + key];
    return own > 0 && other > 0 && own != other;
  }

  boolean isMasked(int b, int key) {
    return mask[b * tokens + key] == 0;
  }
}
