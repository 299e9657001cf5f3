package org.peftsweep.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * All rows that a trial uses.
 *
 * @param task what they are for
 * @param train rows to learn from
 * @param validation rows held out of train to select by; empty until carved
 * @param dev the reported sets, in the task's order
 * @param skippedRows rows that were left out while reading
 * @param firstReasons why, for the first of them, each with file and line
 */
public record Dataset(
    Task task,
    List<Example> train,
    List<Example> validation,
    List<EvaluationSet> dev,
    int skippedRows,
    List<String> firstReasons) {

  public Dataset {
    train = List.copyOf(train);
    validation = List.copyOf(validation);
    dev = List.copyOf(dev);
    firstReasons = List.copyOf(firstReasons);
  }

  /**
   * Moves that many rows of train, drawn by the seed, into validation; both keep the file's order.
   */
  public Dataset withValidation(int rows, long seed) {
    if (rows < 1 || rows >= train.size()) {
      throw new IllegalArgumentException(
          String.format(
              "Cannot hold out %d of the %d train rows of %s: give 1 to %d",
              rows, train.size(), task.name(), train.size() - 1));
    }
    boolean[] held = new boolean[train.size()];
    int[] order = new Seeds(seed).permutation("validation rows", train.size());
    for (int i = 0; i < rows; i++) {
      held[order[i]] = true;
    }
    List<Example> kept = new ArrayList<>();
    List<Example> carved = new ArrayList<>(validation);
    for (int i = 0; i < held.length; i++) {
      (held[i] ? carved : kept).add(train.get(i));
    }
    return new Dataset(task, kept, carved, dev, skippedRows, firstReasons);
  }

  /** The same with a fraction of train between 0 and 1, rounded, at least one row. */
  public Dataset withValidationFraction(double fraction, long seed) {
    return withValidation(Math.max(1, (int) Math.round(fraction * train.size())), seed);
  }

  /**
   * Keeps the first rows of train after a shuffle by the seed, in the file's order; all where it
   * has no more. A smaller limit keeps a subset of what a larger one keeps.
   */
  public Dataset withTrainLimit(int rows, long seed) {
    if (rows < 1) {
      throw new IllegalArgumentException(
          "Cannot limit train of " + task.name() + " to " + rows + " rows: give at least 1");
    }
    if (rows >= train.size()) {
      return this;
    }
    int[] order = new Seeds(seed).permutation("train limit", train.size());
    List<Example> kept = Arrays.stream(order, 0, rows).sorted().mapToObj(train::get).toList();
    return new Dataset(task, kept, validation, dev, skippedRows, firstReasons);
  }

  /** SHA-256 of each part that is used: {@code train}, {@code validation}, and the dev sets. */
  public Map<String, String> contentHashes() {
    Map<String, String> hashes = new TreeMap<>();
    hashes.put("train", ContentHash.of(train));
    if (!validation.isEmpty()) {
      hashes.put("validation", ContentHash.of(validation));
    }
    dev.forEach(set -> hashes.put(set.name(), set.contentHash()));
    return hashes;
  }
}
