package org.peftsweep.model;

import java.util.Arrays;
import org.peftsweep.data.Batch;

/**
 * Which rows of a learnt position embedding the tokens of a batch have.
 *
 * @param ids {@code [batch·tokens]}
 * @param learning the same, −1 where the row keeps its values
 */
record PositionIds(int[] ids, int[] learning) {
  /**
   * Counts every place of a row from the batch's first, padding included; each text of several in a
   * row anew.
   */
  static PositionIds ofPlaces(Batch batch) {
    int[] ids = new int[batch.ids().length];
    for (int i = 0; i < ids.length; i++) {
      boolean goesOn = i % batch.tokens() > 0 && batch.mask()[i] == batch.mask()[i - 1];
      boolean isLater = batch.mask()[i] > 1;
      ids[i] = isLater && goesOn ? ids[i - 1] + 1 : batch.past() + place(batch, i);
    }
    return new PositionIds(ids, ids);
  }

  /** Returns the place of one of {@code [batch·tokens]} in its row, or in its text of several. */
  static int place(Batch batch, int i) {
    int text = batch.mask()[i];
    int token = i % batch.tokens();
    if (text < 2) {
      return token;
    }
    int begin = token;
    while (begin > 0 && batch.mask()[i - token + begin - 1] == text) {
      begin--;
    }
    return batch.prompt() + token - begin;
  }

  /**
   * Counts the real tokens of a row; where some of its places hold no tokens, all places, as the
   * reference implementation does with embeddings in place of tokens.
   *
   * @param first row of the first one; padding has the row before, which does not learn
   */
  static PositionIds ofTokens(Batch batch, int first) {
    int[] ids = new int[batch.ids().length];
    int[] learning = new int[ids.length];
    int seen = 0;
    if (batch.prompt() > 0) {
      Arrays.setAll(ids, i -> first + i % batch.tokens());
      return new PositionIds(ids, ids);
    }
    for (int i = 0; i < ids.length; i++) {
      seen = i % batch.tokens() == 0 ? 0 : seen;
      boolean isPadding = batch.mask()[i] == 0;
      ids[i] = isPadding ? first - 1 : first + batch.past() + seen++;
      learning[i] = isPadding ? -1 : ids[i];
    }
    return new PositionIds(ids, learning);
  }
}
