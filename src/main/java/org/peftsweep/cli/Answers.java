package org.peftsweep.cli;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.peftsweep.report.TextTable;
import org.peftsweep.report.TextTable.Cell;

/** Runs SQL statements and prints what they answer. */
final class Answers {
  /** How an answer is printed. */
  enum Format {
    table,
    csv,
    json
  }

  // What a terminal takes; the other formats have no limit.
  private static final int MOST_ROWS = 1000;

  private final SparkSession spark;
  private final ReadOnly guard;
  private final Format format;
  private final PrintStream out;
  private final PrintStream err;

  /**
   * Prints what is answered.
   *
   * @param guard refuses what does more than read; null to allow everything
   */
  Answers(SparkSession spark, ReadOnly guard, Format format, PrintStream out, PrintStream err) {
    this.spark = spark;
    this.guard = guard;
    this.format = format;
    this.out = out;
    this.err = err;
  }

  /** Runs one statement; Spark's exceptions pass through, see {@link QueryFault#sentence}. */
  void print(String sql) {
    if (guard != null) {
      guard.require(sql);
    }
    Dataset<Row> answer = spark.sql(sql);
    if (answer.columns().length == 0) {
      return;
    }
    switch (format) {
      case table -> printTable(flat(answer));
      case csv -> printCsv(flat(answer));
      case json -> answer.toJSON().toLocalIterator().forEachRemaining(out::println);
    }
  }

  /** Maps, lists and structures become JSON. */
  private static Dataset<Row> flat(Dataset<Row> answer) {
    // By place, because two columns may have one name.
    String[] places = new String[answer.schema().size()];
    Arrays.setAll(places, i -> "c" + i);
    Dataset<Row> placed = answer.toDF(places);
    Column[] columns = new Column[places.length];
    for (int i = 0; i < places.length; i++) {
      StructField field = answer.schema().fields()[i];
      Column column = placed.col(places[i]);
      columns[i] = (isNested(field) ? functions.to_json(column) : column).as(field.name());
    }
    return placed.select(columns);
  }

  private static boolean isNested(StructField field) {
    return field.dataType() instanceof MapType
        || field.dataType() instanceof ArrayType
        || field.dataType() instanceof StructType;
  }

  private void printTable(Dataset<Row> answer) {
    List<Row> rows = answer.limit(MOST_ROWS + 1).collectAsList();
    List<StructField> fields = List.of(answer.schema().fields());
    out.print(
        new TextTable(
                fields.stream().map(StructField::name).toList(),
                fields.stream().map(field -> field.dataType() instanceof NumericType).toList(),
                rows.stream()
                    .limit(MOST_ROWS)
                    .map(
                        row -> texts(row).stream().map(t -> Cell.of(t.replace('\n', ' '))).toList())
                    .toList())
            .text());
    if (rows.size() > MOST_ROWS) {
      err.println("The first " + MOST_ROWS + " rows; --format csv prints all");
    }
  }

  private void printCsv(Dataset<Row> answer) {
    out.println(TextTable.csv(List.of(answer.columns())));
    Iterator<Row> rows = answer.toLocalIterator();
    while (rows.hasNext()) {
      out.println(TextTable.csv(texts(rows.next())));
    }
  }

  private static List<String> texts(Row row) {
    String[] texts = new String[row.size()];
    Arrays.setAll(texts, i -> row.isNullAt(i) ? "" : row.get(i).toString());
    return List.of(texts);
  }
}
