package org.peftsweep.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.data.Batches;
import org.peftsweep.data.Completion;
import org.peftsweep.data.Encoded;
import org.peftsweep.data.Padding;
import org.peftsweep.data.TokenizedExample;
import org.peftsweep.model.KeyValues;

/**
 * Goes on with texts token by token, a batch at a time.
 *
 * @param how how long answers may be and how their tokens are drawn
 * @param ends ids that end an answer
 * @param longest the most tokens of a whole row that the model takes
 * @param random by which tokens are drawn
 */
record TextWriter(Completion how, Set<Integer> ends, int longest, SplittableRandom random) {
  /**
   * Writes.
   *
   * @param model what tells the tokens
   * @param prompts rows to go on with
   * @param answers hears the new ids of each row in order, without the one that ended it
   * @return the memory that was held besides the tape's, in bytes
   */
  long write(Tape tape, NextTokens model, Batch prompts, Consumer<int[]> answers) {
    int most = Math.min(how.maxNewTokens(), longest - prompts.tokens());
    if (most < 1) {
      for (int row = 0; row < prompts.rows(); row++) {
        answers.accept(new int[0]);
      }
      return 0;
    }
    Rows rows = new Rows(prompts, most);
    List<KeyValues> kept =
        model.models().stream().map(each -> new KeyValues(tape.backend(), most)).toList();
    try {
      Batch batch = prompts;
      for (int count = 0; count < most && !rows.areEnded(); count++) {
        tape.startEvaluation();
        Var logits = model.next(tape, batch, rows.last(batch.tokens()), kept);
        rows.add(tape, logits.value());
        batch = rows.batch();
      }
      for (int row = 0; row < prompts.rows(); row++) {
        answers.accept(rows.answer(row));
      }
      return kept.stream().mapToLong(KeyValues::bytes).sum();
    } finally {
      kept.forEach(KeyValues::close);
    }
  }

  /**
   * Puts prompts into the batch that {@link #write} takes.
   *
   * @param prompts token ids of each, one at least
   * @param maxTokens the most tokens of one
   * @param padId fills short rows up
   */
  static Batch batch(List<int[]> prompts, int maxTokens, int padId) {
    List<TokenizedExample> rows = new ArrayList<>();
    for (int[] prompt : prompts) {
      rows.add(new TokenizedExample(rows.size(), new Encoded(prompt, new int[prompt.length]), 0));
    }
    int[] all = new int[rows.size()];
    Arrays.setAll(all, i -> i);
    return new Batches(rows.size(), maxTokens, Padding.LONGEST, 1, padId).batch(rows, all);
  }

  /** The texts so far, each row with room for all that it may get. */
  private final class Rows {
    private final Batch prompts;
    private final int tokens;
    private final int[] ids;
    private final int[] mask;
    private final int[] lengths;
    private final int[] begins;
    private final boolean[] ended;

    Rows(Batch prompts, int most) {
      this.prompts = prompts;
      this.tokens = prompts.tokens() + most;
      this.ids = new int[prompts.rows() * tokens];
      this.mask = new int[ids.length];
      this.lengths = new int[prompts.rows()];
      this.ended = new boolean[prompts.rows()];
      for (int row = 0; row < lengths.length; row++) {
        int from = row * prompts.tokens();
        System.arraycopy(prompts.ids(), from, ids, row * tokens, prompts.tokens());
        System.arraycopy(prompts.mask(), from, mask, row * tokens, prompts.tokens());
        for (int i = 0; i < prompts.tokens(); i++) {
          lengths[row] += prompts.mask()[from + i] == 0 ? 0 : 1;
        }
      }
      this.begins = lengths.clone();
    }

    boolean areEnded() {
      boolean all = true;
      for (boolean one : ended) {
        all &= one;
      }
      return all;
    }

    /** Returns each row's last token as a place among rows of so many tokens. */
    int[] last(int ofTokens) {
      int[] places = new int[lengths.length];
      Arrays.setAll(places, row -> row * ofTokens + lengths[row] - 1);
      return places;
    }

    /** Rows that have ended get their last token again, which nobody reads. */
    void add(Tape tape, Tensor logits) {
      float[] scores = new float[logits.columns()];
      for (int row = 0; row < lengths.length; row++) {
        if (ended[row]) {
          continue;
        }
        tape.backend().read(logits, (long) row * scores.length, scores, 0, scores.length);
        int next = TokenChoice.of(scores, how.temperature(), how.topP(), random);
        if (ends.contains(next)) {
          ended[row] = true;
        } else {
          ids[row * tokens + lengths[row]] = next;
          mask[row * tokens + lengths[row]] = 1;
          lengths[row]++;
        }
      }
    }

    Batch batch() {
      return new Batch(
          prompts.rows(),
          tokens,
          ids,
          mask,
          new int[ids.length],
          prompts.labels(),
          prompts.exampleIndices());
    }

    int[] answer(int row) {
      return Arrays.copyOfRange(ids, row * tokens + begins[row], row * tokens + lengths[row]);
    }
  }
}
