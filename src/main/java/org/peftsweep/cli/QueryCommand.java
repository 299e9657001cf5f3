package org.peftsweep.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.apache.hadoop.fs.Path;
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
import org.peftsweep.results.ResultTables;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Answers a Spark SQL query over the tables of all sweeps. */
@Command(
    name = "query",
    description =
        "Answers Spark SQL over the views trials, curves, predictions, layers and events.",
    mixinStandardHelpOptions = true)
final class QueryCommand implements Callable<Integer> {
  /** How an answer is printed. */
  enum Format {
    table,
    csv,
    json
  }

  // What a terminal takes; the other formats have no limit.
  private static final int MOST_ROWS = 1000;

  @Parameters(
      paramLabel = "SQL",
      description = "Such as: SELECT method, count(*) FROM trials GROUP BY method")
  private String sql;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "output",
      description = "Folder of all sweeps' tables; ${DEFAULT-VALUE}.")
  private String output;

  @Option(
      names = "--format",
      defaultValue = "table",
      description = "One of ${COMPLETION-CANDIDATES}; json is one object a line.")
  private Format format;

  private final PrintStream out;
  private final PrintStream err;

  QueryCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() {
    try (Session session = Session.open("peft-sweep query")) {
      SparkSession spark = session.spark();
      Path folder = new Path(output);
      if (!exists(spark, folder)) {
        throw new InputException(
            "Cannot query " + output + ": there is no such folder; run a sweep or give --output");
      }
      ResultTables.under(spark, folder).register();
      Dataset<Row> answer = spark.sql(sql);
      switch (format) {
        case table -> printTable(flat(answer));
        case csv -> printCsv(flat(answer));
        case json -> answer.toJSON().toLocalIterator().forEachRemaining(out::println);
      }
      return 0;
    }
  }

  private static boolean exists(SparkSession spark, Path folder) {
    try {
      return folder.getFileSystem(spark.sparkContext().hadoopConfiguration()).exists(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read " + folder + ": " + e.getMessage(), e);
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
    out.println(csv(List.of(answer.columns())));
    Iterator<Row> rows = answer.toLocalIterator();
    while (rows.hasNext()) {
      out.println(csv(texts(rows.next())));
    }
  }

  private static List<String> texts(Row row) {
    String[] texts = new String[row.size()];
    Arrays.setAll(texts, i -> row.isNullAt(i) ? "" : row.get(i).toString());
    return List.of(texts);
  }

  /** As RFC 4180 has it. */
  private static String csv(List<String> cells) {
    return cells.stream()
        .map(
            cell ->
                cell.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r')
                    ? '"' + cell.replace("\"", "\"\"") + '"'
                    : cell)
        .collect(Collectors.joining(","));
  }
}
