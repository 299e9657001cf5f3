package org.peftsweep.train;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Tokenizer;

/**
 * A batch with tokens hidden for prediction (Devlin et al., arXiv:1810.04805, §3.1).
 *
 * @param batch with the changed ids
 * @param rows places in {@code [batch·tokens]} to predict
 * @param labels the ids that stood there
 */
record Masking(Batch batch, int[] rows, int[] labels) {
  /** Hides a fraction of the tokens that are not special: 80 % masked, 10 % replaced, 10 % left. */
  static Masking draw(Batch batch, Tokenizer tokenizer, double fraction, SplittableRandom random) {
    int[] ids = batch.ids().clone();
    int[] rows = new int[ids.length];
    int count = 0;
    int mask = tokenizer.maskId().orElseThrow();
    for (int i = 0; i < ids.length; i++) {
      if (batch.mask()[i] == 0 || tokenizer.isSpecial(ids[i]) || random.nextDouble() >= fraction) {
        continue;
      }
      rows[count++] = i;
      double what = random.nextDouble();
      if (what < 0.8) {
        ids[i] = mask;
      } else if (what < 0.9) {
        ids[i] = ordinary(tokenizer, random);
      }
    }
    rows = Arrays.copyOf(rows, count);
    int[] labels = Arrays.stream(rows).map(row -> batch.ids()[row]).toArray();
    Batch hidden =
        new Batch(
            batch.rows(),
            batch.tokens(),
            ids,
            batch.mask(),
            batch.typeIds(),
            batch.labels(),
            batch.exampleIndices());
    return new Masking(hidden, rows, labels);
  }

  private static int ordinary(Tokenizer tokenizer, SplittableRandom random) {
    int id = random.nextInt(tokenizer.vocabularyTokens());
    while (tokenizer.isSpecial(id)) {
      id = random.nextInt(tokenizer.vocabularyTokens());
    }
    return id;
  }
}
