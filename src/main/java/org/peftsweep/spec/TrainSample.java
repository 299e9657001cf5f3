package org.peftsweep.spec;

import java.util.Objects;
import java.util.SortedMap;
import org.peftsweep.data.Augmentation;
import org.peftsweep.method.Settings;

/**
 * What of a task's train part a trial learns from. All of it is drawn by the task's data seed, so
 * that trials of one fraction and augmentation see the same rows, whatever else they differ in, and
 * a smaller fraction is part of a larger one.
 *
 * @param trainFraction part of the rows that are left after limit and validation, above 0
 * @param augmentation how further copies of these rows are made
 * @param augmentationRate part of a text's words that is changed in a copy; 0 without augmentation
 * @param augmentationCopies of each row; 0 without augmentation
 */
public record TrainSample(
    double trainFraction,
    Augmentation augmentation,
    double augmentationRate,
    int augmentationCopies) {
  /** All rows, as they are. */
  public static final TrainSample WHOLE = new TrainSample(1, Augmentation.NONE, 0, 0);

  private static final int MOST_COPIES = 1_000;

  public TrainSample {
    Objects.requireNonNull(augmentation, "augmentation");
    part("train-fraction", trainFraction);
    if (augmentation == Augmentation.NONE) {
      augmentationRate = 0;
      augmentationCopies = 0;
    } else {
      part("augmentation-rate", augmentationRate);
      Settings.between("augmentation-copies", augmentationCopies, 1, MOST_COPIES);
    }
  }

  private static void part(String setting, double value) {
    if (!(value > 0 && value <= 1)) {
      throw new IllegalArgumentException(
          "Cannot use " + setting + " = " + value + ": give a number above 0 and at most 1");
    }
  }

  /** Returns all settings by their names in sweep files. */
  public SortedMap<String, Object> byKey() {
    return RecordFields.of(this);
  }
}
