package org.peftsweep.results;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * The tables of some sweeps as they stood when this was made: later files do not disturb a query.
 *
 * <p>Of each trial the file that counts is chosen ({@link TrialFile}); curves and predictions are
 * those of the chosen ones. Rows of superseded attempts stay on disk. A missing or empty folder
 * makes empty tables.
 */
public final class ResultTables {
  private final SparkSession spark;
  private final List<Snapshot> snapshots;

  private record Snapshot(ResultFolder folder, List<TrialFile> trials) {}

  private ResultTables(SparkSession spark, List<ResultFolder> folders) {
    this.spark = spark;
    this.snapshots =
        folders.stream()
            .map(folder -> new Snapshot(folder, List.copyOf(folder.trials().values())))
            .toList();
  }

  /** Reads the tables of every sweep under {@code output}. */
  public static ResultTables under(SparkSession spark, Path output) {
    Configuration configuration = spark.sparkContext().hadoopConfiguration();
    try {
      FileStatus[] children = output.getFileSystem(configuration).listStatus(output);
      return new ResultTables(
          spark,
          Arrays.stream(children)
              .filter(FileStatus::isDirectory)
              .map(FileStatus::getPath)
              .filter(path -> !path.getName().startsWith(".") && !path.getName().startsWith("_"))
              .sorted()
              .map(path -> new ResultFolder(path, configuration))
              .toList());
    } catch (FileNotFoundException e) {
      return new ResultTables(spark, List.of());
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot list " + output + ": " + e.getMessage(), e);
    }
  }

  /** Reads the tables of one sweep. */
  public static ResultTables of(SparkSession spark, ResultFolder folder) {
    return new ResultTables(spark, List.of(folder));
  }

  /** Returns one row a trial. */
  public Dataset<Row> trials() {
    return read(Tables.TRIALS, snapshot -> snapshot.trials().stream().map(TrialFile::name));
  }

  /** Returns one row an evaluation point. */
  public Dataset<Row> curves() {
    return read(Tables.CURVES, parts(Tables.CURVES));
  }

  /** Returns one row a predicted example. */
  public Dataset<Row> predictions() {
    return read(Tables.PREDICTIONS, parts(Tables.PREDICTIONS));
  }

  /** Returns one row a layer whose score was noted. */
  public Dataset<Row> layers() {
    return read(Tables.LAYERS, parts(Tables.LAYERS));
  }

  /** Returns one row a thing that the scheduler did. */
  public Dataset<Row> events() {
    return read(Tables.EVENTS, snapshot -> snapshot.folder().names(Tables.EVENTS).stream());
  }

  /** Makes the tables known to the session as temporary views of their names; returns this. */
  public ResultTables register() {
    trials().createOrReplaceTempView(Tables.TRIALS.name());
    curves().createOrReplaceTempView(Tables.CURVES.name());
    predictions().createOrReplaceTempView(Tables.PREDICTIONS.name());
    layers().createOrReplaceTempView(Tables.LAYERS.name());
    events().createOrReplaceTempView(Tables.EVENTS.name());
    return this;
  }

  private static Function<Snapshot, Stream<String>> parts(Table<?> table) {
    return snapshot -> {
      // A trial that failed early has no such file.
      Set<String> names = new TreeSet<>(snapshot.folder().names(table));
      return snapshot.trials().stream().map(TrialFile::partName).filter(names::contains);
    };
  }

  private Dataset<Row> read(Table<?> table, Function<Snapshot, Stream<String>> names) {
    List<String> paths = new ArrayList<>();
    for (Snapshot snapshot : snapshots) {
      Path folder = new Path(snapshot.folder().path(), table.name());
      names.apply(snapshot).map(name -> new Path(folder, name).toString()).forEach(paths::add);
    }
    return paths.isEmpty()
        ? spark.createDataFrame(List.of(), table.schema())
        : spark.read().schema(table.schema()).parquet(paths.toArray(String[]::new));
  }
}
