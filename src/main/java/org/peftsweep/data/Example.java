package org.peftsweep.data;

import java.util.Objects;

/**
 * One row of a task.
 *
 * @param index row number within the part it was read from, from 0; it keeps its meaning when rows
 *     are shuffled or left out
 * @param first the text, or the first of two
 * @param second the second text; null where the task has one
 * @param label class id, or value of a regression; NaN where the file has none
 */
public record Example(int index, String first, String second, double label) {

  public Example {
    Objects.requireNonNull(first, "first");
  }

  /** Whether it has a second text. */
  public boolean isPair() {
    return second != null;
  }

  /** Whether its label is known. */
  public boolean isLabelled() {
    return !Double.isNaN(label);
  }
}
