package org.peftsweep.spec;

import java.util.Objects;
import org.peftsweep.data.Task;
import org.peftsweep.method.Settings;

/**
 * A task and where its examples come from.
 *
 * @param task labels, columns and metrics
 * @param location {@code builtin}, or the folder that holds the task's files
 * @param contentHash SHA-256 over the examples that the sample is taken of; empty until they were
 *     read
 * @param trainLimit number of training examples, 0 for all
 * @param validationFraction part of train set aside for selection, in [0, 1)
 * @param dataSeed of the draw of both, the same for all of a sweep's seeds
 * @param skipBadRows whether rows that cannot be read are counted rather than refused
 * @param sample what of train a trial learns from
 */
public record TaskSource(
    Task task,
    String location,
    String contentHash,
    int trainLimit,
    double validationFraction,
    long dataSeed,
    boolean skipBadRows,
    TrainSample sample) {
  /** The location of tasks whose examples are generated. */
  public static final String BUILT_IN = "builtin";

  public TaskSource {
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(location, "location");
    Objects.requireNonNull(contentHash, "contentHash");
    Settings.between("train-limit", trainLimit, 0, Integer.MAX_VALUE);
    Settings.fraction("validation-fraction", validationFraction);
    Objects.requireNonNull(sample, "sample");
  }

  /** A task whose train part is used whole. */
  public TaskSource(
      Task task,
      String location,
      String contentHash,
      int trainLimit,
      double validationFraction,
      long dataSeed,
      boolean skipBadRows) {
    this(
        task,
        location,
        contentHash,
        trainLimit,
        validationFraction,
        dataSeed,
        skipBadRows,
        TrainSample.WHOLE);
  }

  /** Whether the examples are generated rather than read. */
  public boolean isBuiltIn() {
    return location.equals(BUILT_IN);
  }

  /** Returns the same with the hash of what was read. */
  public TaskSource withContentHash(String contentHash) {
    return new TaskSource(
        task, location, contentHash, trainLimit, validationFraction, dataSeed, skipBadRows, sample);
  }

  /** Returns the same with another sample of train. */
  public TaskSource withSample(TrainSample sample) {
    return new TaskSource(
        task, location, contentHash, trainLimit, validationFraction, dataSeed, skipBadRows, sample);
  }
}
