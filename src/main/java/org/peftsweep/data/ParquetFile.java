package org.peftsweep.data;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.Type;

/**
 * Parquet files as Hugging Face and Spark write them: text columns, and a label as name, id or
 * value.
 */
final class ParquetFile {

  private static final String MAGIC = "PAR1";

  private ParquetFile() {}

  /** Reads all rows of a task; a place is the file and the row, from 1. */
  static void read(Path file, Configuration conf, Task task, boolean labelled, RowCollector rows)
      throws IOException {
    requireMagic(file, conf);
    try (ParquetReader<Group> reader =
        ParquetReader.builder(new GroupReadSupport(), file).withConf(conf).build()) {
      long number = 0;
      for (Group row = reader.read(); row != null; row = reader.read()) {
        number++;
        String place = file + ":" + number;
        if (number == 1) {
          requireColumns(file, task, labelled, row.getType(), rows);
        }
        try {
          String[] texts = new String[task.textColumns().size()];
          for (int i = 0; i < texts.length; i++) {
            String column = task.textColumns().get(i);
            texts[i] = task.isOfMessages() ? list(row, column) : ParquetValue.of(row, column);
          }
          rows.row(place, texts, ParquetValue.of(row, task.labelColumn()));
        } catch (Lines.BadLineException e) {
          rows.bad(place, e.getMessage(), e.remedy());
        }
      }
    } catch (DataException e) {
      throw e;
    } catch (RuntimeException | OutOfMemoryError e) {
      // Parquet throws bare exceptions of many kinds, and asks for memory that a file claims.
      throw damaged(file, e);
    }
  }

  /** That its bytes cannot be read as Parquet. */
  static DataException damaged(Path file, Throwable cause) {
    return new DataException(
        "Cannot read " + file + ": it is damaged or cut short; fetch it again", cause);
  }

  private static void requireMagic(Path file, Configuration conf) throws IOException {
    byte[] head;
    try (InputStream bytes = file.getFileSystem(conf).open(file)) {
      head = bytes.readNBytes(256);
    }
    String start = new String(head, StandardCharsets.ISO_8859_1);
    if (!start.startsWith(MAGIC)) {
      throw new DataException(
          "Cannot read "
              + file
              + ": "
              + ForeignFile.of(head, ForeignFile.Wanted.ROWS)
                  .orElse("it is not Parquet; supply it in its format"));
    }
  }

  private static void requireColumns(
      Path file, Task task, boolean labelled, GroupType schema, RowCollector rows) {
    List<String> wanted = new ArrayList<>(task.textColumns());
    if (labelled || schema.containsField(task.labelColumn())) {
      wanted.add(task.labelColumn());
    }
    for (String column : wanted) {
      if (!schema.containsField(column)) {
        throw refused(
            file,
            task,
            "it has no column "
                + Shown.name(column)
                + ", only "
                + Shown.names(schema.getFields().stream().map(Type::getName).toList())
                + "; name one of these");
      }
      Type type = schema.getType(column);
      boolean isList = !type.isPrimitive() || type.isRepetition(Type.Repetition.REPEATED);
      if (isList && !(task.isOfMessages() && task.textColumns().contains(column))) {
        if (!task.textColumns().contains(column)) {
          rows.refuseLabels(file.toString());
        }
        throw refused(
            file,
            task,
            "column " + column + " holds lists or groups, not texts; name a column of texts");
      }
      if (!isList && !ParquetValue.isReadable(type.asPrimitiveType())) {
        throw refused(
            file,
            task,
            "column "
                + column
                + " is of the type "
                + ParquetValue.typeName(type.asPrimitiveType())
                + ", neither text nor number; write it as one of these");
      }
    }
  }

  private static DataException refused(Path file, Task task, String why) {
    return new DataException("Cannot read " + file + " as " + task.name() + ": " + why);
  }

  /** A list of groups as JSON, however Parquet nests it; a text as it is. */
  private static String list(Group row, String column) throws Lines.BadLineException {
    if (row.getType().getType(column).isPrimitive()) {
      return ParquetValue.of(row, column);
    }
    ArrayNode list = TokenizerFiles.JSON.createArrayNode();
    if (row.getFieldRepetitionCount(column) > 0) {
      elements(row, column, list);
    }
    return list.toString();
  }

  /** Lists stand in one or two groups with a repeated one inside, elements in one more or none. */
  private static void elements(Group group, String field, ArrayNode list)
      throws Lines.BadLineException {
    for (int i = 0; i < group.getFieldRepetitionCount(field); i++) {
      Group inner = group.getGroup(field, i);
      List<Type> fields = inner.getType().getFields();
      if (fields.size() == 1 && !fields.get(0).isPrimitive()) {
        elements(inner, fields.get(0).getName(), list);
      } else {
        ObjectNode element = list.addObject();
        for (Type each : fields) {
          element.put(each.getName(), ParquetValue.of(inner, each.getName()));
        }
      }
    }
  }
}
