package org.peftsweep.data;

import java.io.IOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.schema.GroupType;

/** Parquet files as Hugging Face publishes them: text columns, and {@code label} as id or value. */
final class ParquetFile {

  private ParquetFile() {}

  /** Reads all rows of a task; a place is the file and the row, from 1. */
  static void read(Path file, Configuration conf, Task task, boolean labelled, RowCollector rows)
      throws IOException {
    try (ParquetReader<Group> reader =
        ParquetReader.builder(new GroupReadSupport(), file).withConf(conf).build()) {
      long number = 0;
      for (Group row = reader.read(); row != null; row = reader.read()) {
        number++;
        if (number == 1) {
          requireColumns(file, task, labelled, row.getType());
        }
        rows.row(
            file + ":" + number,
            value(row, task.textColumns().get(0)),
            task.isPair() ? value(row, task.textColumns().get(1)) : null,
            value(row, task.labelColumn()));
      }
    } catch (DataException e) {
      throw e;
    } catch (RuntimeException e) {
      // Parquet throws bare exceptions of many kinds for files that are not Parquet or cut short.
      throw new DataException(
          "Cannot read " + file + " as Parquet: " + e.getMessage() + "; fetch it again", e);
    }
  }

  private static void requireColumns(Path file, Task task, boolean labelled, GroupType schema) {
    for (String column : task.textColumns()) {
      requireColumn(file, task, schema, column);
    }
    if (labelled) {
      requireColumn(file, task, schema, task.labelColumn());
    }
  }

  private static void requireColumn(Path file, Task task, GroupType schema, String column) {
    if (!schema.containsField(column)) {
      throw new DataException(
          "Cannot read "
              + file
              + " as "
              + task.name()
              + ": it has no column "
              + column
              + ", only "
              + schema.getFields().stream().map(field -> field.getName()).toList());
    }
  }

  private static String value(Group row, String column) {
    if (!row.getType().containsField(column) || row.getFieldRepetitionCount(column) == 0) {
      return null;
    }
    return row.getValueToString(row.getType().getFieldIndex(column), 0);
  }
}
