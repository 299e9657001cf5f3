package org.peftsweep.results;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * A result table: its columns, and all that follows from them.
 *
 * @param name of the folder and of the view
 * @param comment one sentence on what a row is
 * @param <R> what a row is made of
 */
public record Table<R>(String name, String comment, List<Column<R>> columns) {
  /** A file without rows in each table's folder, from which readers learn its schema. */
  static final String EMPTY = "empty.parquet";

  public Table {
    columns = List.copyOf(columns);
    long names = columns.stream().map(Column::name).distinct().count();
    if (names < columns.size()) {
      throw new IllegalStateException("Cannot make table " + name + ": a column is named twice");
    }
  }

  /** Returns the schema as Spark reads it, with comments; columns may be null to a reader. */
  public StructType schema() {
    return new StructType(
        columns.stream()
            .map(
                column ->
                    StructField.apply(
                            column.name(),
                            column.type().spark(),
                            true,
                            org.apache.spark.sql.types.Metadata.empty())
                        .withComment(column.comment()))
            .toArray(StructField[]::new));
  }

  /** Returns the schema of the files. */
  MessageType parquet() {
    return new MessageType(
        name,
        columns.stream()
            .map(
                column ->
                    column
                        .type()
                        .parquet(
                            column.isRequired()
                                ? Type.Repetition.REQUIRED
                                : Type.Repetition.OPTIONAL,
                            column.name()))
            .collect(Collectors.toList()));
  }

  /**
   * Returns a statement that makes the stored rows of all sweeps below {@code ${output}} a view,
   * superseded ones included.
   */
  public String sql() {
    String fields =
        Arrays.stream(schema().fields())
            .map(field -> "  " + field.toDDL())
            .collect(Collectors.joining(",\n"));
    return "CREATE OR REPLACE TEMPORARY VIEW stored_"
        + name
        + " (\n"
        + fields
        + "\n)\nUSING parquet OPTIONS (path '${output}/*/"
        + name
        + "', pathGlobFilter '*.parquet');\n";
  }

  /** Returns the columns as a Markdown section, for the documentation. */
  public String markdown() {
    StringBuilder text = new StringBuilder("### `" + name + "`\n\n" + comment + "\n\n");
    text.append("| column | type | meaning |\n| --- | --- | --- |\n");
    for (Column<R> column : columns) {
      text.append("| `").append(column.name()).append("` | ");
      text.append(column.type().spark().simpleString()).append(" | ");
      text.append(column.comment().replace("|", "\\|")).append(" |\n");
    }
    return text.toString();
  }
}
