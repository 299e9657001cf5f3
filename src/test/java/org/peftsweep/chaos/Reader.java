package org.peftsweep.chaos;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;

/** Reads the tables again and again while the sweep runs, and notes what should never be seen. */
final class Reader extends Thread {
  private static final long PAUSE_MILLIS = 500;

  private final SparkSession spark;
  private final ResultFolder folder;
  private final Map<String, String> seen = new TreeMap<>();
  private final List<String> faults = new ArrayList<>();
  private volatile boolean isOver;
  private int looks;

  Reader(SparkSession spark, Path folder) {
    super("reader");
    this.spark = spark;
    this.folder = new ResultFolder(folder, new Configuration());
    setDaemon(true);
  }

  @Override
  public void run() {
    while (!isOver) {
      try {
        look();
        Thread.sleep(PAUSE_MILLIS);
      } catch (InterruptedException e) {
        return;
      } catch (Exception e) {
        faults.add("a query failed: " + e.getMessage());
      }
    }
  }

  /** Ends the thread; what it saw may be asked after. */
  void end() throws InterruptedException {
    isOver = true;
    join();
  }

  int looks() {
    return looks;
  }

  List<String> faults() {
    return faults;
  }

  private void look() {
    ResultTables tables = ResultTables.of(spark, folder);
    List<Row> rows =
        tables
            .trials()
            .where("status = 'finished'")
            .selectExpr("id", "concat(attempt, ' ', started_at, ' ', score)")
            .collectAsList();
    Map<String, String> now = new TreeMap<>();
    for (Row row : rows) {
      if (now.put(row.getString(0), row.getString(1)) != null) {
        faults.add("two rows of " + row.getString(0));
      }
    }
    seen.forEach(
        (id, row) -> {
          if (!row.equals(now.get(id))) {
            faults.add("the row of " + id + " was " + row + " and became " + now.get(id));
          }
        });
    seen.putAll(now);
    // Every row is read whole, and each trial has as many as the others.
    List<Row> sizes =
        tables
            .predictions()
            .where("probability IS NOT NULL AND label IS NOT NULL AND prediction IS NOT NULL")
            .groupBy("id")
            .count()
            .groupBy("count")
            .agg(functions.count("*"))
            .collectAsList();
    if (sizes.size() > 1) {
      faults.add("trials with parts of their predictions: " + sizes);
    }
    looks++;
  }
}
