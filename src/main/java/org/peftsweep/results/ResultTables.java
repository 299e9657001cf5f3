package org.peftsweep.results;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/**
 * The tables of some sweeps as they stood when this was made: later files do not disturb a query.
 *
 * <p>Of each trial the file that counts is chosen ({@link TrialFile}); curves and predictions are
 * those of the chosen ones. Rows of superseded attempts stay on disk. A missing or empty folder
 * makes empty tables.
 */
public final class ResultTables {
  /**
   * A condition on rows of trials: finished, but without the score that it is ranked by, which is a
   * finite number.
   */
  public static final String IS_UNDEFINED =
      "status = 'finished' AND NOT coalesce("
          + "abs(if(phase = 'tuning', validation_score, score)) <= "
          + Double.MAX_VALUE
          + "D, false)";

  private final SparkSession spark;
  private final List<Snapshot> snapshots;

  /**
   * @param name that stands in the column sweep; null for what the rows say
   * @param places see {@link ResultFolder#places}, of the table of trials
   */
  private record Snapshot(
      ResultFolder folder, String name, List<TrialFile> trials, SortedMap<String, String> places) {
    static Snapshot of(ResultFolder folder) {
      SortedMap<String, String> places = folder.files().places(Tables.TRIALS);
      return new Snapshot(
          folder,
          null,
          List.copyOf(ResultFolder.trials(folder.trialFiles(places)).values()),
          places);
    }

    /** Returns the same under a name, with those trials alone that it stands for. */
    Snapshot joint(String name, Map<String, Snapshot> holders) {
      List<TrialFile> own =
          trials.stream().filter(trial -> holders.get(trial.id()) == this).toList();
      return new Snapshot(folder, name, own, places);
    }

    SortedMap<String, String> places(Table<?> table) {
      return table == Tables.TRIALS ? places : folder.files().places(table);
    }
  }

  private ResultTables(SparkSession spark, List<Snapshot> snapshots) {
    this.spark = spark;
    this.snapshots = snapshots;
  }

  /** Reads the tables of every sweep under {@code output}. */
  public static ResultTables under(SparkSession spark, Path output) {
    return new ResultTables(
        spark,
        ResultFolder.under(output, spark.sparkContext().hadoopConfiguration()).stream()
            .map(Snapshot::of)
            .toList());
  }

  /** Reads the tables of one sweep. */
  public static ResultTables of(SparkSession spark, ResultFolder folder) {
    return new ResultTables(spark, List.of(Snapshot.of(folder)));
  }

  /**
   * Reads the tables of several sweeps together. Of a trial that several of them have, the file
   * that counts most is chosen, of equals that of the first sweep. Sweeps of one name in different
   * folders are told apart in the column sweep by as much of the folder as it takes.
   */
  public static ResultTables joint(SparkSession spark, List<ResultFolder> folders) {
    List<Snapshot> whole = folders.stream().map(Snapshot::of).toList();
    Map<String, TrialFile> best = new HashMap<>();
    Map<String, Snapshot> holders = new HashMap<>();
    for (Snapshot snapshot : whole) {
      for (TrialFile trial : snapshot.trials()) {
        TrialFile other = best.get(trial.id());
        if (other == null || other.compareTo(trial) < 0) {
          best.put(trial.id(), trial);
          holders.put(trial.id(), snapshot);
        }
      }
    }
    List<String> names = names(folders);
    return new ResultTables(
        spark,
        IntStream.range(0, whole.size())
            .mapToObj(i -> whole.get(i).joint(names.get(i), holders))
            .toList());
  }

  private static List<String> names(List<ResultFolder> folders) {
    List<Path> parents = new ArrayList<>(folders.stream().map(f -> f.path().getParent()).toList());
    List<String> names = new ArrayList<>(folders.stream().map(ResultFolder::sweep).toList());
    while (new HashSet<>(names).size() < names.size()) {
      List<String> before = List.copyOf(names);
      for (int i = 0; i < before.size(); i++) {
        if (Collections.frequency(before, before.get(i)) > 1) {
          Path parent = parents.get(i);
          if (parent == null) {
            // Twice the same folder.
            return names;
          }
          names.set(i, parent.getName() + "/" + before.get(i));
          parents.set(i, parent.getParent());
        }
      }
    }
    return names;
  }

  /** Returns the names that stand in the column sweep. */
  public List<String> sweeps() {
    return snapshots.stream()
        .map(snapshot -> snapshot.name() == null ? snapshot.folder().sweep() : snapshot.name())
        .toList();
  }

  /** Returns one row a trial. */
  public Dataset<Row> trials() {
    return read(Tables.TRIALS, TrialFile::name);
  }

  /** Returns one row an evaluation point. */
  public Dataset<Row> curves() {
    return read(Tables.CURVES, TrialFile::partName);
  }

  /** Returns one row a predicted example. */
  public Dataset<Row> predictions() {
    return read(Tables.PREDICTIONS, TrialFile::partName);
  }

  /** Returns one row a layer whose score was noted. */
  public Dataset<Row> layers() {
    return read(Tables.LAYERS, TrialFile::partName);
  }

  /** Returns one row a thing that the scheduler did. */
  public Dataset<Row> events() {
    return read(Tables.EVENTS, null);
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

  /**
   * Reads a table.
   *
   * @param nameOf the file in which a trial's rows were published, null for a table whose files all
   *     count
   */
  private Dataset<Row> read(Table<?> table, Function<TrialFile, String> nameOf) {
    List<String> whole = new ArrayList<>();
    List<Dataset<Row>> parts = new ArrayList<>();
    for (Snapshot snapshot : snapshots) {
      Path folder = new Path(snapshot.folder().path(), table.name());
      SortedMap<String, String> places = snapshot.places(table);
      SortedMap<String, List<String>> wanted = new TreeMap<>();
      Stream<String> names =
          nameOf == null
              ? places.keySet().stream()
              // A trial that failed early has no such file.
              : snapshot.trials().stream().map(nameOf).filter(places::containsKey);
      names.forEach(
          name -> wanted.computeIfAbsent(places.get(name), key -> new ArrayList<>()).add(name));
      List<String> wholeHere = new ArrayList<>();
      List<Dataset<Row>> partsHere = new ArrayList<>();
      wanted.forEach(
          (file, held) -> {
            Path path = new Path(folder, file);
            if (nameOf == null || !MergedFiles.isMerged(file) || isWhole(snapshot, path, held)) {
              wholeHere.add(path.toString());
            } else {
              partsHere.add(rows(table, List.of(path.toString())).where(isOf(table, held)));
            }
          });
      if (snapshot.name() == null) {
        whole.addAll(wholeHere);
        parts.addAll(partsHere);
      } else {
        partsHere.add(rows(table, wholeHere));
        Column name = functions.lit(snapshot.name());
        partsHere.forEach(part -> parts.add(part.withColumn("sweep", name)));
      }
    }
    Dataset<Row> all = rows(table, whole);
    for (Dataset<Row> part : parts) {
      all = all.unionByName(part);
    }
    return all;
  }

  private static boolean isWhole(Snapshot snapshot, Path merged, List<String> held) {
    return held.size() == MergedFiles.names(merged, snapshot.folder().configuration()).size();
  }

  /** Of a merged file, some rows may have been superseded by a later attempt. */
  private static Column isOf(Table<?> table, List<String> names) {
    List<Column> words = new ArrayList<>(List.of(functions.col("id"), functions.col("attempt")));
    if (table == Tables.TRIALS) {
      words.add(functions.col("status"));
    }
    return functions
        .concat(functions.concat_ws("-", words.toArray(Column[]::new)), functions.lit(".parquet"))
        .isInCollection(names);
  }

  /** Reads files whose names are taken as they are, and passes over those that are damaged. */
  static DataFrameReader plain(SparkSession spark) {
    return spark
        .read()
        .option("__globPaths__", false)
        .option("ignoreCorruptFiles", true)
        .option("parquet.page.verify-checksum.enabled", true);
  }

  private Dataset<Row> rows(Table<?> table, List<String> paths) {
    return paths.isEmpty()
        ? spark.createDataFrame(List.of(), table.schema())
        : plain(spark)
            .schema(table.schema())
            .parquet(paths.toArray(String[]::new))
            .where("sweep IS NOT NULL");
  }
}
