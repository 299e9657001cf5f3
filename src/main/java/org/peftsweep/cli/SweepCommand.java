package org.peftsweep.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.mlflow.tracking.MlflowClientException;
import org.peftsweep.report.BenchmarkTable;
import org.peftsweep.report.FinalRanks;
import org.peftsweep.report.MlflowLog;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.TrialFile;
import org.peftsweep.spec.Contest;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Engine;
import org.peftsweep.sweep.Forecast;
import org.peftsweep.sweep.Pace;
import org.peftsweep.sweep.Plan;
import org.peftsweep.sweep.Selection;
import org.peftsweep.sweep.SweepRunner;
import org.peftsweep.train.Outcome.Status;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs the trials of a sweep file that have no row yet, and prints the table of all. */
@Command(
    name = "sweep",
    description = "Runs the trials of a sweep file that have no row yet, and prints the table.",
    mixinStandardHelpOptions = true)
final class SweepCommand implements Callable<Integer> {
  private static final String QUERY =
      "SELECT title, score, train_seconds FROM trials"
          + " WHERE sweep = '%s' ORDER BY task, score DESC";

  @Parameters(paramLabel = "FILE", description = "Sweep file, such as conf/quickstart.yaml.")
  private String file;

  @Option(names = "--dry-run", description = "Print the trials and an estimate; start nothing.")
  private boolean isDryRun;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = "output",
      description = "Folder of all sweeps' tables, on any Hadoop file system; ${DEFAULT-VALUE}.")
  private String output;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Overrides a key of the file: --set training.epochs=3; may be repeated.")
  private Map<String, String> overrides = new LinkedHashMap<>();

  @Option(
      names = "--mlflow",
      paramLabel = "URI",
      description = "Log the trials to this MLflow tracking server too, once each.")
  private String mlflow;

  private final Engine engine;
  private final PrintStream out;
  private final PrintStream err;

  SweepCommand(Engine engine, PrintStream out, PrintStream err) {
    this.engine = engine;
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws InterruptedException {
    Configuration files = SparkHadoopUtil.get().conf();
    Sweep sweep =
        SweepFile.read(file, overrides, files)
            .relocated(place -> absolute(place, files).toString());
    List<Contest> contests =
        sweep.contests(
            location -> engine.modelHash(location, files),
            source -> engine.taskHash(source, files));
    Phases phases = new Phases(sweep, contests);
    ResultFolder folder = new ResultFolder(absolute(output + "/" + sweep.name(), files), files);
    Forecast forecast = engine.forecast(sweep.execution(), files);
    Plan first = Plan.of(phases.trials(), sweep::title, folder, forecast, Pace.UNKNOWN);
    if (isDryRun) {
      out.print(new DryRun(first, forecast).text() + phases.later());
      return 0;
    }
    err.println(opening(sweep, first));
    try (Session session = Session.open("peft-sweep " + sweep.name())) {
      SparkSession spark = session.spark();
      phases.publish(folder, List.of());
      if (!first.pending().isEmpty()) {
        run(spark, folder, sweep, phases.trials());
      }
      Plan last = first;
      if (sweep.protocol().tunes()) {
        Selection selection = Selection.of(contests, ResultTables.of(spark, folder).trials());
        phases.add(selection);
        phases.publish(folder, selection.choices());
        last = Plan.of(phases.trials(), sweep::title, folder, forecast, Pace.UNKNOWN);
        err.println(opening(sweep, last) + "; " + selection.choices().size() + " choices made");
        if (!last.pending().isEmpty()) {
          run(spark, folder, sweep, phases.trials());
        }
      }
      if (mlflow != null) {
        log(ResultTables.of(spark, folder), sweep.name());
      }
      print(sweep, folder, asked(ResultTables.of(spark, folder).trials(), last));
      return phases.areDecided() && areFinished(last, folder) ? 0 : Main.UNFINISHED;
    }
  }

  private void run(SparkSession spark, ResultFolder folder, Sweep sweep, List<Trial> trials)
      throws InterruptedException {
    Forecast forecast =
        engine.forecast(sweep.execution(), spark.sparkContext().hadoopConfiguration());
    boolean isFresh = folder.trials().isEmpty();
    Pace pace = isFresh ? Pace.UNKNOWN : Pace.of(ResultTables.of(spark, folder), trials, forecast);
    Plan plan = Plan.of(trials, sweep::title, folder, forecast, pace);
    try (ProgressLine progress =
        new ProgressLine(
            err, ProgressLine.isTerminal(), folder, spark.sparkContext().hadoopConfiguration())) {
      JavaSparkContext context = new JavaSparkContext(spark.sparkContext());
      new SweepRunner(context, folder, engine.task(sweep.execution()), progress).run(plan);
    }
  }

  /** A server that is down costs no trial: what it missed is logged by the next run. */
  private void log(ResultTables tables, String name) {
    try {
      err.println(MlflowLog.write(tables, name, mlflow) + " trials logged to " + mlflow);
    } catch (MlflowClientException e) {
      err.println(
          "Cannot log to " + mlflow + ": " + e.getMessage() + "; run again to log what it lacks");
    }
  }

  private static String opening(Sweep sweep, Plan plan) {
    int done = plan.done().size();
    int pending = plan.pending().size();
    String text = sweep.name() + ": " + plan.asked().size() + " trials, ";
    if (pending == 0) {
      return text + "all of them done before; nothing to train";
    }
    return text + (done == 0 ? "none of them done before" : done + " of them done before");
  }

  /** Rows of other trials may lie in the folder, from earlier states of the sweep file. */
  private static Dataset<Row> asked(Dataset<Row> trials, Plan plan) {
    return trials.where(functions.col("id").isInCollection(List.copyOf(plan.asked().keySet())));
  }

  private static boolean areFinished(Plan plan, ResultFolder folder) {
    Map<String, TrialFile> rows = folder.trials();
    return plan.asked().keySet().stream()
        .allMatch(id -> rows.containsKey(id) && rows.get(id).status() == Status.FINISHED);
  }

  private void print(Sweep sweep, ResultFolder folder, Dataset<Row> trials) {
    List<String> tasks =
        sweep.tasks().stream()
            .map(task -> task.source().task().name())
            .collect(Collectors.toList());
    out.println(BenchmarkTable.of(trials, tasks).text());
    String ranks = FinalRanks.of(trials).text();
    out.print(ranks.isEmpty() ? "" : ranks + System.lineSeparator());
    out.println("Tables: " + folder.path());
    String option = output.equals("output") ? "" : " --output " + output;
    out.println("Report: jobs/report.sh " + sweep.name() + option);
    out.println("Ask:    jobs/query.sh \"" + String.format(QUERY, sweep.name()) + "\"" + option);
  }

  /** Executors have working directories of their own. */
  private static Path absolute(String folder, Configuration files) {
    Path path = new Path(folder);
    try {
      return path.getFileSystem(files).makeQualified(path);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot use folder " + folder + ": " + e.getMessage(), e);
    }
  }
}
