package org.peftsweep.results;

import java.sql.Timestamp;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;

/** Writes rows again as a later attempt with another reason; those before stay as they are. */
public final class Amendment {
  private static final String ATTEMPT = "attempt";
  private static final String REASON = "reason";

  private Amendment() {}

  /**
   * Gives stopped trials the reasons why they go no further.
   *
   * @param reasons by id; a row that says the same already is left as it is
   * @return how many rows were written
   */
  public static int write(ResultFolder folder, ResultTables tables, Map<String, String> reasons) {
    List<Row> stopped =
        tables
            .trials()
            .where(functions.col("id").isInCollection(reasons.keySet()))
            .where("status = 'stopped'")
            .collectAsList()
            .stream()
            .filter(row -> !reasons.get(row.<String>getAs("id")).equals(row.getAs(REASON)))
            .toList();
    if (stopped.isEmpty()) {
      return 0;
    }
    List<String> ids = stopped.stream().map(row -> row.<String>getAs("id")).toList();
    write(folder, Tables.CURVES, curves(tables.curves(), ids), reasons);
    write(folder, Tables.LAYERS, curves(tables.layers(), ids), reasons);
    write(folder, Tables.TRIALS, stopped, reasons);
    return stopped.size();
  }

  private static List<Row> curves(Dataset<Row> rows, List<String> ids) {
    return rows.where(functions.col("id").isInCollection(ids))
        .orderBy("id", "step")
        .collectAsList();
  }

  private static void write(
      ResultFolder folder, Table<?> table, List<Row> rows, Map<String, String> reasons) {
    Table<Row> amended =
        new Table<>(
            table.name(),
            table.comment(),
            table.columns().stream().map(column -> column(column, reasons)).toList());
    rows.stream()
        .collect(java.util.stream.Collectors.groupingBy(row -> row.<String>getAs("id")))
        .forEach(
            (id, own) -> {
              int attempt = own.get(0).<Integer>getAs(ATTEMPT) + 1;
              TrialFile file =
                  new TrialFile(id, attempt, org.peftsweep.train.Outcome.Status.STOPPED);
              String name = table == Tables.TRIALS ? file.name() : file.partName();
              folder
                  .files()
                  .write(table.name(), name, hidden -> write(amended, own, hidden, folder));
            });
  }

  private static void write(Table<Row> table, List<Row> rows, Path hidden, ResultFolder folder)
      throws java.io.IOException {
    ParquetTable.write(table, rows, hidden, folder.configuration());
  }

  private static Column<Row> column(Column<?> of, Map<String, String> reasons) {
    return new Column<>(
        of.name(),
        of.type(),
        of.isRequired(),
        of.comment(),
        row ->
            switch (of.name()) {
              case ATTEMPT -> row.<Integer>getAs(ATTEMPT) + 1;
              case REASON -> reasons.get(row.<String>getAs("id"));
              default -> value(row, of);
            });
  }

  private static Object value(Row row, Column<?> of) {
    int index = row.fieldIndex(of.name());
    if (row.isNullAt(index)) {
      return null;
    }
    return switch (of.type()) {
      case TIMESTAMP -> ((Timestamp) row.get(index)).toInstant();
      case NUMBERS, TEXTS -> row.getJavaMap(index);
      case VECTOR -> row.getList(index);
      case TEXT, INT, LONG, DOUBLE -> row.get(index);
    };
  }
}
