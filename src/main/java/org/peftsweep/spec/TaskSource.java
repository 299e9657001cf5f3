package org.peftsweep.spec;

import java.util.Objects;
import org.peftsweep.data.Task;
import org.peftsweep.data.Tasks;
import org.peftsweep.method.Settings;

/**
 * A task and where its examples come from.
 *
 * @param task labels, columns and metrics
 * @param location {@code builtin}, or the folder that holds the task's files
 * @param contentHash SHA-256 over the examples that the sample is taken of; empty until they were
 *     read
 * @param trainLimit number of training examples, or of reported ones where no others are read; 0
 *     for all
 * @param validationFraction part of train set aside for selection, in [0, 1)
 * @param dataSeed of the draw of both, the same for all of a sweep's seeds
 * @param skipBadRows whether rows that cannot be read are counted rather than refused
 * @param sample what of train a trial learns from
 * @param reportedOnly whether the reported sets alone are read: nothing learns from the task
 */
public record TaskSource(
    Task task,
    String location,
    String contentHash,
    int trainLimit,
    double validationFraction,
    long dataSeed,
    boolean skipBadRows,
    TrainSample sample,
    boolean reportedOnly) {
  /** The location of tasks whose examples are generated. */
  public static final String BUILT_IN = "builtin";

  private static final String NOWHERE = "none";

  /** No task, where one may be left out. */
  public static final TaskSource NONE =
      new TaskSource(Tasks.runningText(), NOWHERE, "", 0, 0, 0, false, TrainSample.WHOLE, true);

  public TaskSource {
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(location, "location");
    Objects.requireNonNull(contentHash, "contentHash");
    Settings.between("train-limit", trainLimit, 0, Integer.MAX_VALUE);
    Settings.fraction("validation-fraction", validationFraction);
    Objects.requireNonNull(sample, "sample");
  }

  /** A task from which a trial learns. */
  public TaskSource(
      Task task,
      String location,
      String contentHash,
      int trainLimit,
      double validationFraction,
      long dataSeed,
      boolean skipBadRows,
      TrainSample sample) {
    this(
        task,
        location,
        contentHash,
        trainLimit,
        validationFraction,
        dataSeed,
        skipBadRows,
        sample,
        false);
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

  /** Whether there is none. */
  public boolean isNone() {
    return location.equals(NOWHERE);
  }

  /** Whether the examples are generated rather than read. */
  public boolean isBuiltIn() {
    return location.equals(BUILT_IN);
  }

  /** Returns the same with the hash of what was read. */
  public TaskSource withContentHash(String contentHash) {
    return with(contentHash, sample);
  }

  /**
   * Returns the same of which only the reported sets are read.
   *
   * @param limit rows at most, drawn by the data seed; 0 for all
   */
  TaskSource reported(int limit) {
    return new TaskSource(
        task, location, contentHash, limit, 0, dataSeed, skipBadRows, TrainSample.WHOLE, true);
  }

  /** Returns the same with another sample of train. */
  public TaskSource withSample(TrainSample sample) {
    return with(contentHash, sample);
  }

  private TaskSource with(String hash, TrainSample taken) {
    return new TaskSource(
        task,
        location,
        hash,
        trainLimit,
        validationFraction,
        dataSeed,
        skipBadRows,
        taken,
        reportedOnly);
  }
}
