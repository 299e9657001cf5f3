package org.peftsweep.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Turns the rows of one part into examples, and refuses or counts the bad ones. */
final class RowCollector {

  private static final int REASONS = 20;
  private static final String MEND = "mend it";

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
   * @param texts one a text column of the task; null where it holds none
   * @param label as in the file; null or -1 where it has none
   */
  void row(String place, String[] texts, String label) {
    for (int i = 0; i < texts.length; i++) {
      if (texts[i] == null) {
        bad(place, "column " + task.textColumns().get(i) + " holds no text", MEND);
        return;
      }
      if (texts[i].length() > TextFile.LONGEST) {
        bad(place, "its text has " + texts[i].length() + " characters", Lines.SHORTEN);
        return;
      }
    }
    if (task.isCompletion()) {
      text(place, texts, label);
      return;
    }
    double value = Double.NaN;
    boolean isAbsent = label == null || (!task.isRegression() && label.equals("-1"));
    if (labelled || !isAbsent) {
      if (label == null) {
        bad(place, "column " + task.labelColumn() + " holds no label", MEND);
        return;
      }
      if (!task.isRegression() && isList(label)) {
        refuseLabels(place);
      }
      try {
        value = task.label(label);
      } catch (IllegalArgumentException e) {
        bad(place, e.getMessage(), remedy(label));
        return;
      }
    }
    examples.add(new Example(seen++, texts[0], second(texts), value));
  }

  /** Takes a row of texts to be written. */
  private void text(String place, String[] texts, String completion) {
    String first = String.join("\n", Arrays.stream(texts).filter(text -> !text.isEmpty()).toList());
    boolean isAsked = labelled && task.completion().form() == Completion.Form.PROMPT;
    if (isAsked && (completion == null || completion.isEmpty())) {
      bad(place, "column " + task.labelColumn() + " holds no text", MEND);
      return;
    }
    if (first.isEmpty()) {
      bad(place, "column " + task.textColumns().get(0) + " is empty", MEND);
      return;
    }
    if (task.isOfMessages()) {
      try {
        Message.parseWithAnswer(first);
      } catch (IllegalArgumentException e) {
        bad(place, e.getMessage(), MEND);
        return;
      }
    }
    if (completion != null && completion.length() > TextFile.LONGEST) {
      bad(place, "its text has " + completion.length() + " characters", Lines.SHORTEN);
      return;
    }
    examples.add(new Example(seen++, first, completion, 0));
  }

  /** Takes a row that cannot be read. */
  void bad(String place, String reason) {
    bad(place, reason, MEND);
  }

  /** Takes a row that cannot be read, and says what would mend it. */
  void bad(String place, String reason, String remedy) {
    if (!skipsBadRows) {
      throw new DataException(
          "Cannot read " + place + ": " + reason + "; " + remedy + ", or set skip-bad-rows");
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

  /** Refuses several labels of one row, whether or not bad rows are skipped. */
  void refuseLabels(String place) {
    throw new DataException(
        "Cannot read "
            + place
            + ": column "
            + task.labelColumn()
            + " holds several labels, and multi-label tasks are not supported; give one label a"
            + " row");
  }

  Part part() {
    return new Part(examples, skipped, reasons);
  }

  /** As JSON and Python write lists, such as {@code [0, 1, 1]}. */
  private boolean isList(String label) {
    return label.startsWith("[") && label.endsWith("]") && !task.labelNames().contains(label);
  }

  private static String remedy(String label) {
    return label.equals("true") || label.equals("false")
        ? "declare labels: [\"false\", \"true\"]"
        : MEND;
  }

  /** All texts after the first, with a space between them. */
  private static String second(String[] texts) {
    return texts.length < 2
        ? null
        : String.join(" ", Arrays.asList(texts).subList(1, texts.length));
  }
}
