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
 * @param texts columns of the texts, from 0
 * @param label column of the label, or -1
 * @param mayLackFields whether rows with too few fields are left out, as Hugging Face does for QQP
 */
record TsvLayout(
    boolean headed, int fields, List<Integer> texts, int label, boolean mayLackFields) {

  private static final Map<String, TsvLayout> LABELLED =
      Map.of(
          "cola", new TsvLayout(false, 4, List.of(3), 1, false),
          "sst2", headed(2, List.of(0), 1),
          "mrpc", headed(5, List.of(3, 4), 0),
          "qqp", new TsvLayout(true, 6, List.of(3, 4), 5, true),
          "stsb", headed(10, List.of(7, 8), 9),
          "qnli", headed(4, List.of(1, 2), 3),
          "rte", headed(4, List.of(1, 2), 3),
          "wnli", headed(4, List.of(1, 2), 3));

  private static final Map<String, TsvLayout> UNLABELLED =
      Map.of(
          "cola", headed(2, List.of(1), -1),
          "sst2", headed(2, List.of(1), -1),
          "mrpc", headed(5, List.of(3, 4), -1),
          "qqp", new TsvLayout(true, 3, List.of(1, 2), -1, true),
          "stsb", headed(9, List.of(7, 8), -1),
          "mnli", headed(10, List.of(8, 9), -1),
          "qnli", headed(3, List.of(1, 2), -1),
          "rte", headed(3, List.of(1, 2), -1),
          "wnli", headed(3, List.of(1, 2), -1));

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

  private static TsvLayout headed(int fields, List<Integer> texts, int label) {
    return new TsvLayout(true, fields, texts, label, false);
  }

  /** The texts of a row. */
  String[] texts(String[] row) {
    return texts.stream().map(column -> row[column]).toArray(String[]::new);
  }

  /** The label of a row; null where there is none. */
  String label(String[] row) {
    return label < 0 ? null : row[label];
  }

  /** Whether the first line of that task's files names columns. */
  static boolean isHeaded(Task task, boolean labelled) {
    return !(labelled && task.name().equals("cola"));
  }

  /**
   * The layout of a TSV file.
   *
   * @param place file and line of the header
   * @param header its first line, split; empty where it has none
   * @throws DataException what is wrong with the header
   */
  static TsvLayout of(String place, Task task, boolean labelled, List<String> header) {
    if (task.name().equals("mnli") && labelled) {
      if (header.size() < 11) {
        throw refusal(
            place,
            task,
            "the header has " + header.size() + " columns, not MNLI's 12 (train) or 16 (dev)",
            "supply the file of GLUE");
      }
      return headed(header.size(), List.of(8, 9), header.size() - 1);
    }
    TsvLayout fixed = (labelled ? LABELLED : UNLABELLED).get(task.name());
    if (fixed == null) {
      return named(place, task, labelled, header);
    }
    if (fixed.headed && header.size() != fixed.fields) {
      throw refusal(
          place,
          task,
          "the header has " + header.size() + " columns, not " + fixed.fields,
          "supply the file of GLUE, or CSV with columns by name");
    }
    return fixed;
  }

  /** The layout of a file whose header names the task's columns. */
  static TsvLayout named(String place, Task task, boolean labelled, List<String> header) {
    List<String> wanted = new ArrayList<>(task.textColumns());
    if (labelled) {
      wanted.add(task.labelColumn());
    }
    for (String column : wanted) {
      if (header.indexOf(column) != header.lastIndexOf(column) || !header.contains(column)) {
        throw refusal(
            place,
            task,
            "the header must name column "
                + Shown.name(column)
                + " once, and names "
                + Shown.names(header),
            "correct it, or the columns in declare-tasks");
      }
    }
    return headed(
        header.size(),
        task.textColumns().stream().map(header::indexOf).toList(),
        header.indexOf(task.labelColumn()));
  }

  private static DataException refusal(String place, Task task, String reason, String remedy) {
    return new DataException(
        "Cannot read " + place + " as " + task.name() + ": " + reason + "; " + remedy);
  }
}
