package org.peftsweep.cli;

import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.data.Shown;
import org.peftsweep.results.ResultTables;
import org.peftsweep.spec.Caching;
import org.peftsweep.spec.Execution;
import org.peftsweep.spec.Packing;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Engine;
import org.peftsweep.sweep.Replay;
import org.peftsweep.sweep.Slot;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Progress;
import org.peftsweep.train.TensorSink;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs a trial again from its row and says whether it came out equal; writes nothing. */
@Command(
    name = "replay",
    description =
        "Runs a trial again from its row, on this machine, and says whether it came out equal.",
    mixinStandardHelpOptions = true)
final class ReplayCommand implements Callable<Integer> {
  @Parameters(paramLabel = "ID", description = "Of the trial, as in the tables.")
  private String id;

  @Mixin private OutputFolder output;

  @Option(
      names = "--sweep",
      paramLabel = "NAME",
      description = "Where several sweeps have a row of it; the first by name unless given.")
  private String sweep;

  private final Engine engine;
  private final PrintStream out;
  private final PrintStream err;

  ReplayCommand(Engine engine, PrintStream out, PrintStream err) {
    this.engine = engine;
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws Exception {
    try (Session session = Session.open("peft-sweep replay")) {
      SparkSession spark = session.spark();
      ResultTables tables =
          ResultTables.under(spark, output.path(spark.sparkContext().hadoopConfiguration()));
      Row row = row(tables);
      if (row.getAs("status").equals("stopped")) {
        throw new InputException(
            "Cannot replay "
                + id
                + ": it was stopped early, let it go on to its end with --continue of "
                + Installation.script("sweep"));
      }
      Replay replay = Replay.of(tables, row);
      Trial trial = Trial.fromJson(row.getAs("trial"));
      if (!trial.id().equals(id)) {
        err.println(
            "The row is stale: its method is of another version now, which gives other numbers");
      }
      Configuration files = spark.sparkContext().hadoopConfiguration();
      Execution execution = execution(row);
      err.println("Running " + row.getAs("title") + " again");
      Outcome now = engine.task(execution).run(trial, slot(files), Progress.SILENT);
      Optional<String> difference = replay.difference(now);
      if (difference.isEmpty()) {
        out.println("equal: " + row.getAs("title") + ": " + replay.extent());
        return 0;
      }
      out.println("different: " + row.getAs("title") + ": " + difference.get());
      tellOtherPlace(row, now);
      return ExitCode.FAULT;
    }
  }

  /** Keeps nothing; the folder that states would come from is not there. */
  private static Slot slot(Configuration files) {
    Path none = new Path("file:///tmp", "peft-sweep-replay-" + UUID.randomUUID());
    return new Slot("driver", null, files, TensorSink.NOTHING, none, () -> false, 1);
  }

  private Row row(ResultTables tables) {
    List<Row> rows =
        tables
            .trials()
            .where(functions.col("id").equalTo(id))
            .where(sweep == null ? functions.lit(true) : functions.col("sweep").equalTo(sweep))
            .orderBy("sweep")
            .limit(1)
            .collectAsList();
    if (rows.isEmpty()) {
      throw new InputException(
          "Cannot replay "
              + Shown.of(id)
              + ": no row in "
              + output.shown()
              + " has this id; ask for SELECT id, title");
    }
    return rows.get(0);
  }

  private static Execution execution(Row row) {
    String backend = row.getAs("backend");
    Integer threads = row.getAs("threads");
    return new Execution(
        backend == null ? Execution.BACKENDS.get(0) : backend,
        threads == null ? 1 : threads,
        0,
        0,
        0,
        0,
        Packing.OFF,
        Caching.OFF,
        1,
        BlasLibrary.AUTO);
  }

  /** Bits may differ between backends; between kinds of processors too. */
  private void tellOtherPlace(Row row, Outcome now) {
    String stored = row.getAs("backend");
    if (stored != null && now.backend() != null && !stored.equals(now.backend())) {
      err.println(
          String.format(
              Locale.ROOT, "The row was computed by %s, this run by %s", stored, now.backend()));
    }
    err.println("The row was computed on " + row.getAs("processor"));
  }
}
