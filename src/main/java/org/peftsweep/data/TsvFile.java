package org.peftsweep.data;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Tab-separated files as GLUE has them: quotes mean nothing, one line is one row. */
final class TsvFile {

  private TsvFile() {}

  /** Reads all rows of a task. */
  static void read(Path file, Configuration conf, Task task, boolean labelled, RowCollector rows)
      throws IOException {
    try (Lines lines = Lines.open(file, conf)) {
      boolean isHeaded = TsvLayout.isHeaded(task, labelled);
      if (isHeaded && !lines.next()) {
        return;
      }
      TsvLayout layout =
          TsvLayout.of(lines.place(), task, labelled, isHeaded ? header(lines) : List.of());
      while (lines.next()) {
        take(lines, layout, task, rows);
      }
    }
  }

  /** The rows of MRPC's own train file whose pair of ids is, or is not, in a set of dev ids. */
  static void readMrpc(
      Path file, Configuration conf, Task task, Set<String> devIds, boolean dev, RowCollector rows)
      throws IOException {
    try (Lines lines = Lines.open(file, conf)) {
      if (!lines.next()) {
        return;
      }
      TsvLayout layout = TsvLayout.of(lines.place(), task, true, header(lines));
      while (lines.next()) {
        String[] fields = fields(text(lines));
        if (fields.length != layout.fields()) {
          rows.bad(lines.place(), fields.length + " fields, not " + layout.fields());
        } else if (devIds.contains(fields[1] + "\t" + fields[2]) == dev) {
          rows.row(lines.place(), layout.texts(fields), layout.label(fields));
        }
      }
    }
  }

  /** The line, which must be one that can be read. */
  static String text(Lines lines) throws IOException {
    try {
      return lines.text();
    } catch (Lines.BadLineException e) {
      throw new DataException(
          "Cannot read " + lines.place() + ": " + e.getMessage() + "; " + e.remedy());
    }
  }

  private static void take(Lines lines, TsvLayout layout, Task task, RowCollector rows)
      throws IOException {
    String place = lines.place();
    String line;
    try {
      line = lines.text();
    } catch (Lines.BadLineException e) {
      rows.bad(place, e.getMessage(), e.remedy());
      return;
    }
    String[] fields = fields(line);
    if (fields.length == layout.fields()) {
      rows.row(place, layout.texts(fields), layout.label(fields));
      return;
    }
    String reason = fields.length + " fields, not " + layout.fields();
    if (layout.mayLackFields() && fields.length < layout.fields()) {
      rows.leaveOut(place, reason);
    } else if (!TsvLayout.FOLDERS.containsKey(task.name()) && line.indexOf('"') >= 0) {
      rows.bad(place, reason, "declare quotes: true if its fields stand in quotes, else mend it");
    } else {
      rows.bad(place, reason);
    }
  }

  private static List<String> header(Lines lines) throws IOException {
    return List.of(fields(text(lines)));
  }

  private static String[] fields(String line) {
    return line.split("\t", -1);
  }
}
