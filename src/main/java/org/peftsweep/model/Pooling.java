package org.peftsweep.model;

import java.util.Arrays;
import org.peftsweep.data.Batch;

/** Which positions, as places in {@code [batch·tokens]}, a classification head reads. */
final class Pooling {
  private Pooling() {}

  /** Whether the positions are one of each row of the batch, in order. */
  static boolean isOneOfEach(Batch batch, int[] rows) {
    boolean isOne = rows.length == batch.rows();
    for (int i = 0; isOne && i < rows.length; i++) {
      isOne = rows[i] / batch.tokens() == i;
    }
    return isOne;
  }

  /** Returns the positions as tokens of their rows. */
  static int[] places(Batch batch, int[] rows) {
    return Arrays.stream(rows).map(row -> row % batch.tokens()).toArray();
  }

  /** Returns each row's first token. */
  static int[] first(Batch batch) {
    int[] rows = new int[batch.rows()];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i * batch.tokens();
    }
    return rows;
  }

  /** Returns each row's right-most token that the attention mask does not call padding. */
  static int[] lastReal(Batch batch) {
    int[] rows = new int[batch.rows()];
    for (int i = 0; i < rows.length; i++) {
      int token = batch.tokens() - 1;
      while (token > 0 && batch.mask()[i * batch.tokens() + token] == 0) {
        token--;
      }
      rows[i] = i * batch.tokens() + token;
    }
    return rows;
  }
}
