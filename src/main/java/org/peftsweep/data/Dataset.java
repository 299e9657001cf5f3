package org.peftsweep.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * All rows that a trial uses.
 *
 * @param task what they are for
 * @param train rows to learn from
 * @param validation rows held out of train to select by; empty until carved
 * @param dev the reported sets, in the task's order
 * @param skippedRows rows that were left out while reading
 * @param firstReasons why, for the first of them, each with file and line
 * @param isDevCarved whether dev is a part of train, for want of a file
 */
public record Dataset(
    Task task,
    List<Example> train,
    List<Example> validation,
    List<EvaluationSet> dev,
    int skippedRows,
    List<String> firstReasons,
    boolean isDevCarved) {

  public Dataset {
    train = List.copyOf(train);
    validation = List.copyOf(validation);
    dev = List.copyOf(dev);
    firstReasons = List.copyOf(firstReasons);
  }

  /**
   * A dataset whose dev is the task's fraction of train, at least one row, chosen by what the texts
   * say: the same rows whatever their order and the seed, and rows of equal texts on one side.
   */
  static Dataset carved(Task task, Part train) {
    Map<String, List<Example>> byHash = new TreeMap<>();
    for (Example example : train.examples()) {
      // The label is left out: texts that are labelled twice stay together too.
      Example unlabelled = new Example(0, example.first(), example.second(), Double.NaN);
      byHash
          .computeIfAbsent(ContentHash.of(List.of(unlabelled)), any -> new ArrayList<>())
          .add(example);
    }
    int wanted = Math.max(1, (int) Math.round(task.devFraction() * train.examples().size()));
    Set<Integer> carved = new HashSet<>();
    for (List<Example> equal : byHash.values()) {
      if (carved.size() + equal.size() <= wanted) {
        equal.forEach(example -> carved.add(example.index()));
      }
    }
    if (carved.isEmpty()) {
      byHash.values().stream()
          .min(Comparator.comparingInt(List::size))
          .orElseThrow()
          .forEach(example -> carved.add(example.index()));
    }
    if (carved.size() == train.examples().size()) {
      throw new DataException(
          "Cannot carve dev out of the "
              + carved.size()
              + " rows of train of "
              + task.name()
              + ": supply a file of dev, or rows of different texts");
    }
    Map<Boolean, List<Example>> sides =
        train.examples().stream()
            .collect(Collectors.partitioningBy(example -> carved.contains(example.index())));
    return new Dataset(
        task,
        sides.get(false),
        List.of(),
        List.of(new EvaluationSet(task.evaluationSets().get(0), sides.get(true))),
        train.skippedRows(),
        train.firstReasons(),
        true);
  }

  /** What the reader of a sweep's results should know of the rows, one sentence each. */
  public List<String> notices() {
    List<String> notices = new ArrayList<>();
    if (isDevCarved) {
      int rows = dev.get(0).examples().size();
      notices.add(
          task.name()
              + " has no file of dev: "
              + rows
              + " of "
              + (rows + train.size() + validation.size())
              + " rows of train, chosen by their texts, are the reported set");
    }
    if (skippedRows > 0) {
      notices.add(
          task.name() + ": " + skippedRows + " rows are left out, first " + firstReasons.get(0));
    }
    List<String> absent = new ArrayList<>();
    for (int id = 0; id < task.labelNames().size(); id++) {
      double label = id;
      if (train.stream().noneMatch(example -> example.label() == label)) {
        absent.add(task.labelNames().get(id));
      }
    }
    if (!absent.isEmpty()) {
      notices.add(task.name() + ": no row of train has the label " + String.join(" or ", absent));
    }
    return notices;
  }

  /**
   * Moves that many rows of train, drawn by the seed, into validation; both keep the file's order.
   *
   * @throws DataException if that leaves no row of train
   */
  public Dataset withValidation(int rows, long seed) {
    if (rows < 1) {
      throw new IllegalArgumentException("Cannot hold out " + rows + " rows: give at least 1");
    }
    if (rows >= train.size()) {
      throw new DataException(
          String.format(
              "Cannot hold out %d of the %d train rows of %s: none is left to learn from, %s",
              rows,
              train.size(),
              task.name(),
              train.size() < 2
                  ? "raise train-limit or supply more rows"
                  : "give a smaller validation-fraction or supply more rows"));
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
    return new Dataset(task, kept, carved, dev, skippedRows, firstReasons, isDevCarved);
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
    return shortened("train limit", rows, seed);
  }

  /**
   * Keeps that fraction of train, above 0 and at most 1, rounded, at least one row, in the file's
   * order. A smaller fraction keeps a subset of what a larger one keeps.
   */
  public Dataset withTrainFraction(double fraction, long seed) {
    int rows = Math.max(1, (int) Math.round(fraction * train.size()));
    return shortened("train fraction", rows, seed);
  }

  private Dataset shortened(String purpose, int rows, long seed) {
    if (rows >= train.size()) {
      return this;
    }
    int[] order = new Seeds(seed).permutation(purpose, train.size());
    return withTrain(Arrays.stream(order, 0, rows).sorted().mapToObj(train::get).toList());
  }

  /**
   * Adds changed copies of the rows of train.
   *
   * @param rate part of a text's words that is changed, rounded, at least one
   * @param copies of each row
   */
  public Dataset withAugmentation(Augmentation augmentation, double rate, int copies, long seed) {
    return withTrain(augmentation.applied(train, rate, copies, seed));
  }

  /** The same with the reported sets alone. */
  public Dataset withoutTrain() {
    return new Dataset(task, List.of(), List.of(), dev, skippedRows, firstReasons, false);
  }

  /**
   * Keeps the first rows of each reported set after a shuffle by the seed, in the file's order; all
   * where it has no more.
   */
  public Dataset withReportedLimit(int rows, long seed) {
    List<EvaluationSet> sets = new ArrayList<>();
    for (EvaluationSet set : dev) {
      List<Example> all = set.examples();
      int[] order = new Seeds(seed).permutation("reported limit", all.size());
      sets.add(
          new EvaluationSet(
              set.name(),
              Arrays.stream(order, 0, Math.min(rows, order.length))
                  .sorted()
                  .mapToObj(all::get)
                  .toList()));
    }
    return new Dataset(task, train, validation, sets, skippedRows, firstReasons, isDevCarved);
  }

  private Dataset withTrain(List<Example> rows) {
    return new Dataset(task, rows, validation, dev, skippedRows, firstReasons, isDevCarved);
  }

  /** SHA-256 of each part that is used: {@code train}, {@code validation}, and the dev sets. */
  public Map<String, String> contentHashes() {
    Map<String, String> hashes = new TreeMap<>();
    if (!train.isEmpty()) {
      hashes.put("train", ContentHash.of(train));
    }
    if (!validation.isEmpty()) {
      hashes.put("validation", ContentHash.of(validation));
    }
    dev.forEach(set -> hashes.put(set.name(), set.contentHash()));
    return hashes;
  }
}
