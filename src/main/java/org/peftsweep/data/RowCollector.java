package org.peftsweep.data;

import java.util.ArrayList;
import java.util.List;

/** Turns the rows of one part into examples, and refuses or counts the bad ones. */
final class RowCollector {

  private static final int REASONS = 20;

  private final Task task;
  private final boolean labelled;
  private final boolean skipsBadRows;
  private final List<Example> examples = new ArrayList<>();
  private final List<String> reasons = new ArrayList<>();
  private int skipped;
  private int seen;

  RowCollector(Task task, boolean labelled, boolean skipsBadRows) {
    this.task = task;
    this.labelled = labelled;
    this.skipsBadRows = skipsBadRows;
  }

  /**
   * Takes a row.
   *
   * @param place file and line
   * @param label as in the file; null or -1 where it has none
   */
  void row(String place, String first, String second, String label) {
    if (first == null || (task.isPair() && second == null)) {
      bad(place, "column " + task.textColumns().get(first == null ? 0 : 1) + " holds no text");
      return;
    }
    double value = Double.NaN;
    boolean isAbsent = label == null || (!task.isRegression() && label.equals("-1"));
    if (labelled || !isAbsent) {
      if (label == null) {
        bad(place, "the label is missing");
        return;
      }
      try {
        value = task.label(label);
      } catch (IllegalArgumentException e) {
        bad(place, e.getMessage());
        return;
      }
    }
    examples.add(new Example(seen++, first, task.isPair() ? second : null, value));
  }

  /** Takes a row that cannot be read. */
  void bad(String place, String reason) {
    if (!skipsBadRows) {
      throw new DataException(
          "Cannot read " + place + ": " + reason + "; mend it, or set skip-bad-rows");
    }
    leaveOut(place, reason);
  }

  /** Counts a row that the task's own rules leave out. */
  void leaveOut(String place, String reason) {
    seen++;
    skipped++;
    if (reasons.size() < REASONS) {
      reasons.add(place + ": " + reason);
    }
  }

  Part part() {
    return new Part(examples, skipped, reasons);
  }
}
