package org.peftsweep.data;

import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.RandomAccess;

/**
 * Groups tokenised examples into padded batches.
 *
 * <p>The order of an epoch depends on the seed, the epoch and the number of examples only, so every
 * method sees the same batches. The last batch of an epoch may be smaller. Batches are made when
 * asked for; the lists are cheap, and any of their places may be asked for first.
 *
 * @param batchRows rows of a batch, at least 1
 * @param maxTokens longest row allowed
 * @param padding how long rows are made
 * @param bucketBatches batches in a window within which train rows are sorted by length, before the
 *     order of the window's batches is drawn; 1: no sorting
 * @param padId fills the ids of padding
 */
public record Batches(int batchRows, int maxTokens, Padding padding, int bucketBatches, int padId) {

  public Batches {
    if (batchRows < 1 || maxTokens < 1 || bucketBatches < 1) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot batch %d rows of %d tokens in windows of %d batches: give at least 1 each",
              batchRows, maxTokens, bucketBatches));
    }
  }

  /** Batches of an epoch over that many examples. */
  public int perEpoch(int examples) {
    return (examples + batchRows - 1) / batchRows;
  }

  /**
   * The batches of one epoch in the order to learn from.
   *
   * @param epoch from 0
   */
  public List<Batch> train(List<TokenizedExample> examples, Seeds seeds, int epoch) {
    String stream = "data order " + epoch;
    int[] order = seeds.permutation(stream, examples.size());
    List<int[]> plan = new ArrayList<>();
    int window = (int) Math.min((long) batchRows * bucketBatches, Math.max(1, order.length));
    for (int from = 0; from < order.length; from += window) {
      int[] rows = Arrays.copyOfRange(order, from, Math.min(order.length, from + window));
      if (bucketBatches == 1) {
        plan.add(rows);
        continue;
      }
      List<int[]> cut = cut(byLength(examples, rows));
      for (int place : seeds.permutation(stream + " window " + from, cut.size())) {
        plan.add(cut.get(place));
      }
    }
    return lazily(examples, plan);
  }

  /** The batches of an evaluation: all rows once, sorted by length, in the same order each time. */
  public List<Batch> evaluation(List<TokenizedExample> examples) {
    int[] rows = new int[examples.size()];
    Arrays.setAll(rows, i -> i);
    return lazily(examples, cut(byLength(examples, rows)));
  }

  /** One batch of the examples at those places of the list. */
  public Batch batch(List<TokenizedExample> examples, int... rows) {
    int longest = 0;
    for (int row : rows) {
      longest = Math.max(longest, examples.get(row).encoded().tokens());
    }
    if (longest > maxTokens) {
      throw new IllegalArgumentException(
          "Cannot batch a row of " + longest + " tokens: cut it to " + maxTokens);
    }
    int tokens = padding.tokens(longest, maxTokens);
    int[] ids = new int[rows.length * tokens];
    Arrays.fill(ids, padId);
    int[] mask = new int[ids.length];
    int[] typeIds = new int[ids.length];
    float[] labels = new float[rows.length];
    int[] indices = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      TokenizedExample example = examples.get(rows[i]);
      int length = example.encoded().tokens();
      System.arraycopy(example.encoded().ids(), 0, ids, i * tokens, length);
      System.arraycopy(example.encoded().typeIds(), 0, typeIds, i * tokens, length);
      System.arraycopy(example.encoded().texts(), 0, mask, i * tokens, length);
      labels[i] = example.label();
      indices[i] = example.index();
    }
    return new Batch(rows.length, tokens, ids, mask, typeIds, labels, indices);
  }

  private List<int[]> cut(int[] rows) {
    List<int[]> parts = new ArrayList<>();
    for (int from = 0; from < rows.length; from += batchRows) {
      parts.add(Arrays.copyOfRange(rows, from, Math.min(rows.length, from + batchRows)));
    }
    return parts;
  }

  private static int[] byLength(List<TokenizedExample> examples, int[] rows) {
    return Arrays.stream(rows)
        .boxed()
        .sorted(Comparator.comparingInt(row -> examples.get(row).encoded().tokens()))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private List<Batch> lazily(List<TokenizedExample> examples, List<int[]> plan) {
    return new Plan(this, examples, plan);
  }

  private static final class Plan extends AbstractList<Batch> implements RandomAccess {
    private final Batches batches;
    private final List<TokenizedExample> examples;
    private final List<int[]> plan;

    Plan(Batches batches, List<TokenizedExample> examples, List<int[]> plan) {
      this.batches = batches;
      this.examples = examples;
      this.plan = plan;
    }

    @Override
    public Batch get(int place) {
      return batches.batch(examples, plan.get(place));
    }

    @Override
    public int size() {
      return plan.size();
    }
  }
}
