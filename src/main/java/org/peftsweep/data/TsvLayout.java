package org.peftsweep.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Where a TSV file keeps what. GLUE's files are read by position, because their header names differ
 * from those of every other distribution; any other file is read by its header.
 *
 * @param headed whether the first line names the columns
 * @param fields fields of every row; 0: as many as the header has
 * @param first column of the (first) text, from 0
 * @param second column of the second text, or -1
 * @param label column of the label, or -1
 * @param mayLackFields whether rows with too few fields are left out, as Hugging Face does for QQP
 */
record TsvLayout(
    boolean headed, int fields, int first, int second, int label, boolean mayLackFields) {

  private static final Map<String, TsvLayout> LABELLED =
      Map.of(
          "cola", new TsvLayout(false, 4, 3, -1, 1, false),
          "sst2", headed(2, 0, -1, 1),
          "mrpc", headed(5, 3, 4, 0),
          "qqp", new TsvLayout(true, 6, 3, 4, 5, true),
          "stsb", headed(10, 7, 8, 9),
          "qnli", headed(4, 1, 2, 3),
          "rte", headed(4, 1, 2, 3),
          "wnli", headed(4, 1, 2, 3));

  private static final Map<String, TsvLayout> UNLABELLED =
      Map.of(
          "cola", headed(2, 1, -1, -1),
          "sst2", headed(2, 1, -1, -1),
          "mrpc", headed(5, 3, 4, -1),
          "qqp", new TsvLayout(true, 3, 1, 2, -1, true),
          "stsb", headed(9, 7, 8, -1),
          "mnli", headed(10, 8, 9, -1),
          "qnli", headed(3, 1, 2, -1),
          "rte", headed(3, 1, 2, -1),
          "wnli", headed(3, 1, 2, -1));

  /** The folder names of the original distribution. */
  static final Map<String, String> FOLDERS =
      Map.of(
          "cola", "CoLA",
          "sst2", "SST-2",
          "mrpc", "MRPC",
          "qqp", "QQP",
          "stsb", "STS-B",
          "mnli", "MNLI",
          "qnli", "QNLI",
          "rte", "RTE",
          "wnli", "WNLI");

  private static TsvLayout headed(int fields, int first, int second, int label) {
    return new TsvLayout(true, fields, first, second, label, false);
  }

  /** Whether the first line of that task's files names columns. */
  static boolean isHeaded(Task task, boolean labelled) {
    return !(labelled && task.name().equals("cola"));
  }

  /**
   * The layout of a file.
   *
   * @param header its first line, split; empty where it has none
   * @throws IllegalArgumentException what is wrong with the header
   */
  static TsvLayout of(Task task, boolean labelled, List<String> header) {
    if (task.name().equals("mnli") && labelled) {
      if (header.size() < 11) {
        throw new IllegalArgumentException(
            "the header has " + header.size() + " columns, not MNLI's 12 (train) or 16 (dev)");
      }
      return headed(header.size(), 8, 9, header.size() - 1);
    }
    TsvLayout fixed = (labelled ? LABELLED : UNLABELLED).get(task.name());
    if (fixed != null) {
      if (fixed.headed && header.size() != fixed.fields) {
        throw new IllegalArgumentException(
            "the header has " + header.size() + " columns, not " + fixed.fields);
      }
      return fixed;
    }
    List<String> wanted = new ArrayList<>(task.textColumns());
    if (labelled) {
      wanted.add(task.labelColumn());
    }
    for (String column : wanted) {
      if (header.indexOf(column) != header.lastIndexOf(column) || !header.contains(column)) {
        throw new IllegalArgumentException(
            "the header must name column " + column + " once, and names " + header);
      }
    }
    return headed(
        header.size(),
        header.indexOf(task.textColumns().get(0)),
        task.isPair() ? header.indexOf(task.textColumns().get(1)) : -1,
        header.indexOf(task.labelColumn()));
  }
}
