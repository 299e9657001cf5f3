package org.peftsweep.data;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.util.List;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Tab-separated files as GLUE has them: quotes mean nothing, a byte-order mark may come first, one
 * line is one row.
 */
final class TsvFile {

  private TsvFile() {}

  /** Reads all rows of a task. */
  static void read(Path file, Configuration conf, Task task, boolean labelled, RowCollector rows)
      throws IOException {
    try (Lines lines = Lines.open(file, conf)) {
      boolean headed = TsvLayout.isHeaded(task, labelled);
      TsvLayout layout = layout(file, task, labelled, headed ? fields(header(lines)) : List.of());
      while (lines.next()) {
        List<String> fields;
        try {
          fields = fields(lines.text());
        } catch (CharacterCodingException e) {
          rows.bad(lines.place(), "it is not UTF-8");
          continue;
        }
        if (fields.size() == layout.fields()) {
          rows.row(
              lines.place(),
              fields.get(layout.first()),
              layout.second() < 0 ? null : fields.get(layout.second()),
              layout.label() < 0 ? null : fields.get(layout.label()));
        } else {
          String reason = fields.size() + " fields, not " + layout.fields();
          if (layout.mayLackFields() && fields.size() < layout.fields()) {
            rows.leaveOut(lines.place(), reason);
          } else {
            rows.bad(lines.place(), reason);
          }
        }
      }
    }
  }

  /** The rows of MRPC's own train file whose pair of ids is, or is not, in a set of dev ids. */
  static void readMrpc(
      Path file, Configuration conf, Task task, Set<String> devIds, boolean dev, RowCollector rows)
      throws IOException {
    try (Lines lines = Lines.open(file, conf)) {
      TsvLayout layout = layout(file, task, true, fields(header(lines)));
      while (lines.next()) {
        List<String> fields = fields(lines.text());
        if (fields.size() != layout.fields()) {
          rows.bad(lines.place(), fields.size() + " fields, not " + layout.fields());
        } else if (devIds.contains(fields.get(1) + "\t" + fields.get(2)) == dev) {
          rows.row(
              lines.place(),
              fields.get(layout.first()),
              fields.get(layout.second()),
              fields.get(layout.label()));
        }
      }
    }
  }

  private static TsvLayout layout(Path file, Task task, boolean labelled, List<String> header) {
    try {
      return TsvLayout.of(task, labelled, header);
    } catch (IllegalArgumentException e) {
      throw new DataException(
          "Cannot read " + file + ":1 as " + task.name() + ": " + e.getMessage(), e);
    }
  }

  private static String header(Lines lines) throws IOException {
    return lines.next() ? lines.text() : "";
  }

  private static List<String> fields(String line) {
    return List.of(line.split("\t", -1));
  }
}
