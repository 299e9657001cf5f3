package org.peftsweep.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
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
import org.peftsweep.report.BenchmarkTable;
import org.peftsweep.report.FinalRanks;
import org.peftsweep.report.MlflowLog;
import org.peftsweep.report.TrackingClient;
import org.peftsweep.report.TrackingClient.TrackingException;
import org.peftsweep.results.Compaction;
import org.peftsweep.results.HeldException;
import org.peftsweep.results.Inspection;
import org.peftsweep.results.Lease;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.TrialFile;
import org.peftsweep.spec.Candidates;
import org.peftsweep.spec.Locations;
import org.peftsweep.spec.Sweep;
import org.peftsweep.spec.SweepFile;
import org.peftsweep.spec.TaskPlan;
import org.peftsweep.spec.Trial;
import org.peftsweep.sweep.Engine;
import org.peftsweep.sweep.Forecast;
import org.peftsweep.sweep.Pace;
import org.peftsweep.sweep.Plan;
import org.peftsweep.sweep.Selection;
import org.peftsweep.sweep.StaleRows;
import org.peftsweep.sweep.Stop;
import org.peftsweep.sweep.SweepRunner;
import org.peftsweep.sweep.TrialFilter;
import org.peftsweep.train.Outcome.Status;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs the trials of a sweep file that are not done yet, and prints the table of all. */
@Command(
    name = "sweep",
    description = "Runs the trials of a sweep file that are not done yet, and prints the table.",
    mixinStandardHelpOptions = true)
final class SweepCommand implements Callable<Integer> {
  /** See the option. */
  enum Stale {
    rerun,
    keep
  }

  private static final Duration LOOK_AGAIN = Duration.ofSeconds(2);
  private static final String QUERY =
      "SELECT title, score, train_seconds FROM trials"
          + " WHERE sweep = '%s' ORDER BY task, score DESC";

  @Parameters(paramLabel = "FILE", description = "Sweep file, such as conf/quickstart.yaml.")
  private String file;

  @Option(names = "--dry-run", description = "Print the trials and an estimate; start nothing.")
  private boolean isDryRun;

  @Mixin private OutputFolder output;

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

  @Option(
      names = "--rerun",
      paramLabel = "WHICH",
      split = ",",
      description =
          "Run exactly these again: failed, oom, diverged, timeout, invalid, or ids of trials.")
  private List<String> rerun = List.of();

  @Option(
      names = "--stale",
      description =
          "What becomes of rows whose method gives other numbers now: ${COMPLETION-CANDIDATES}.")
  private Stale stale;

  @Option(names = "--wait", description = "Wait for the end of another driver of this sweep.")
  private boolean isWaiting;

  private final Stop stop = new Stop();
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
    Optional<TrackingClient> tracking = tracking();
    Configuration files = SparkHadoopUtil.get().conf();
    Sweep sweep = SweepFile.read(file, overrides, Locations.ofProcess(files, Installation.home()));
    ResultFolder folder = new ResultFolder(new Path(output.path(files), sweep.name()), files);
    List<Candidates> candidates =
        sweep.candidates(
            location -> engine.modelHash(location, files),
            source -> engine.taskHash(source, files));
    Phases phases = new Phases(sweep, candidates);
    engine.requireAll(phases.trials(), files).forEach(err::println);
    Forecast forecast = engine.forecast(sweep.execution(), files);
    TrialFilter filter = filter(phases.trials(), folder);
    Inspection inspection = Inspection.of(folder, files);
    inspection.notices("set aside, and its trials run again").forEach(err::println);
    Plan first =
        Plan.of(
            phases.trials(), sweep.titles(), inspection.without(), forecast, Pace.UNKNOWN, filter);
    for (TaskPlan task : sweep.tasks()) {
      engine.taskNotices(task.source(), files).forEach((isDryRun ? out : err)::println);
    }
    if (isDryRun) {
      out.print(
          new DryRun(first, forecast, sweep.execution().pack().mostLanes()).text()
              + phases.later());
      return 0;
    }
    output.made(files);
    err.println(opening(sweep, first));
    // A sweep with nothing to run may be read while another driver holds it.
    boolean mayTrain =
        sweep.protocol().tunes() || !first.pending().isEmpty() || !inspection.damages().isEmpty();
    try (Lease lease = mayTrain ? lease(folder, files) : null;
        Session session = Session.open("peft-sweep " + sweep.name())) {
      SparkSession spark = session.spark();
      Compaction compaction =
          new Compaction(folder, files, Compaction.WORTHWHILE, Compaction.GRACE);
      if (lease != null) {
        Interrupts.tell(stop, err);
        inspection.setAside();
        compaction.run();
      }
      phases.publish(folder, List.of());
      StaleRows old = train(spark, folder, sweep, phases, first, filter);
      Plan last = first;
      if (sweep.protocol().tunes() && stop.reason().isEmpty()) {
        Selection selection = Selection.of(candidates, ResultTables.of(spark, folder).trials());
        phases.add(selection);
        phases.publish(folder, selection.choices());
        last = Plan.of(phases.trials(), sweep.titles(), folder, forecast, Pace.UNKNOWN, filter);
        err.println(opening(sweep, last) + "; " + selection.choices().size() + " choices made");
        selection.hopeless().forEach(name -> err.println(Selection.sentence(name)));
        old = train(spark, folder, sweep, phases, last, filter);
      }
      if (lease != null) {
        compaction.run();
      }
      if (tracking.isPresent()) {
        log(ResultTables.of(spark, folder), sweep.name(), tracking.get());
      }
      Set<String> shown = new TreeSet<>(last.asked().keySet());
      shown.addAll(old.storedIds().values());
      Dataset<Row> rows =
          ResultTables.of(spark, folder).trials().where(functions.col("id").isInCollection(shown));
      print(sweep, folder, rows);
      long undefined = rows.where(ResultTables.IS_UNDEFINED).count();
      if (undefined > 0) {
        err.println(
            undefined
                + " of the finished trials have no defined score and are not ranked; the column"
                + " reason says why");
      }
      return exitCode(last, phases.areDecided() && undefined == 0, old, folder);
    }
  }

  /** Reads {@code --rerun}. */
  private TrialFilter filter(List<Trial> trials, ResultFolder folder) {
    if (rerun.isEmpty()) {
      return TrialFilter.UNDONE;
    }
    Set<Status> statuses = EnumSet.noneOf(Status.class);
    Set<String> ids = new TreeSet<>();
    Set<String> asked = trials.stream().map(Trial::id).collect(Collectors.toSet());
    // What tuning chose is known by its rows only.
    asked.addAll(folder.trials().keySet());
    for (String word : rerun) {
      Optional<Status> status =
          Arrays.stream(Status.values())
              .filter(s -> s != Status.FINISHED && TrialFile.word(s).equals(word))
              .findFirst();
      if (status.isPresent()) {
        statuses.add(status.get());
      } else if (asked.contains(word)) {
        ids.add(word);
      } else {
        throw new InputException(
            "Cannot run "
                + word
                + " again: give failed, oom, diverged, timeout, invalid or an id that --dry-run"
                + " lists");
      }
    }
    return TrialFilter.again(statuses, ids);
  }

  private Lease lease(ResultFolder folder, Configuration files) throws InterruptedException {
    boolean isTold = false;
    while (true) {
      try {
        return Lease.take(
            folder,
            files,
            Lease.Timing.STANDARD,
            () -> stop.ask("another driver has taken this sweep"));
      } catch (HeldException e) {
        if (!isWaiting) {
          throw e;
        }
        if (!isTold) {
          err.println(e.getMessage() + ". Waiting");
          isTold = true;
        }
        Thread.sleep(LOOK_AGAIN.toMillis());
      }
    }
  }

  /** Finds stale rows that are to be kept; none where they run again. */
  private StaleRows stale(SparkSession spark, ResultFolder folder, Plan plan) {
    Map<String, TrialFile> rows = folder.trials();
    boolean mayBe =
        rows.values().stream().anyMatch(row -> row.isDone() && !plan.asked().containsKey(row.id()));
    if (!mayBe || stale == Stale.rerun) {
      return StaleRows.NONE;
    }
    Set<String> missing =
        plan.asked().keySet().stream()
            .filter(id -> !rows.containsKey(id) || !rows.get(id).isDone())
            .collect(Collectors.toSet());
    StaleRows old = StaleRows.of(ResultTables.of(spark, folder), missing);
    int size = old.trials().size();
    if (size > 0 && stale == null) {
      throw new InputException(
          "Cannot run "
              + folder.sweep()
              + ": "
              + size
              + " trials have rows of an older version of their method; give --stale rerun to train"
              + " them again or --stale keep to leave them");
    }
    if (size > 0) {
      err.println(size + " rows are of an older version of their method and are kept");
    }
    return old;
  }

  /** Runs what is pending of a phase; returns the stale rows that stand for trials. */
  private StaleRows train(
      SparkSession spark,
      ResultFolder folder,
      Sweep sweep,
      Phases phases,
      Plan plan,
      TrialFilter filter)
      throws InterruptedException {
    if (plan.pending().isEmpty()) {
      return StaleRows.NONE;
    }
    StaleRows old = stale(spark, folder, plan);
    run(spark, folder, sweep, phases.trials(), filter.without(old.trials()));
    return old;
  }

  private void run(
      SparkSession spark, ResultFolder folder, Sweep sweep, List<Trial> trials, TrialFilter filter)
      throws InterruptedException {
    Forecast forecast =
        engine.forecast(sweep.execution(), spark.sparkContext().hadoopConfiguration());
    boolean isFresh = folder.trials().isEmpty();
    Pace pace = isFresh ? Pace.UNKNOWN : Pace.of(ResultTables.of(spark, folder), trials, forecast);
    Plan plan = Plan.of(trials, sweep.titles(), folder, forecast, pace, filter);
    try (ProgressLine progress =
        new ProgressLine(
            err, ProgressLine.isTerminal(), folder, spark.sparkContext().hadoopConfiguration())) {
      JavaSparkContext context = new JavaSparkContext(spark.sparkContext());
      new SweepRunner(context, folder, engine.task(sweep.execution()), progress)
          .run(plan, forecast, sweep.execution().pack().mostLanes(), stop);
    }
  }

  /** A server that is down costs no trial: what it missed is logged by the next run. */
  private void log(ResultTables tables, String name, TrackingClient client) {
    String address = client.address();
    try {
      err.println(MlflowLog.write(tables, name, client) + " trials logged to " + address);
    } catch (TrackingException e) {
      err.println(
          "Cannot log to " + address + ": " + e.getMessage() + "; run again to log what it lacks");
    }
  }

  private Optional<TrackingClient> tracking() {
    try {
      return Optional.ofNullable(mlflow).map(text -> TrackingClient.of(text, System.getenv()));
    } catch (IllegalArgumentException e) {
      throw new InputException(e.getMessage());
    }
  }

  private String opening(Sweep sweep, Plan plan) {
    int done = plan.done().size();
    int pending = plan.pending().size();
    String text = sweep.name() + ": " + plan.asked().size() + " trials, ";
    if (!rerun.isEmpty()) {
      return text + pending + " of them to run again";
    }
    if (pending == 0) {
      return text + "all of them done before; nothing to train";
    }
    return text + (done == 0 ? "none of them done before" : done + " of them done before");
  }

  private int exitCode(Plan plan, boolean isDecided, StaleRows kept, ResultFolder folder) {
    Map<String, TrialFile> rows = folder.trials();
    List<TrialFile> counted =
        plan.asked().keySet().stream()
            .map(id -> kept.storedIds().getOrDefault(id, id))
            .flatMap(id -> Optional.ofNullable(rows.get(id)).stream())
            .toList();
    boolean areAllThere = counted.size() == plan.asked().size();
    if (stop.reason().isPresent() || !areAllThere && rerun.isEmpty()) {
      err.println(
          "Stopped, "
              + stop.reason().orElse("before the end")
              + ": "
              + counted.size()
              + " of "
              + plan.asked().size()
              + " trials have a row; the same command goes on from here");
      return ExitCode.FAULT;
    }
    return areAllThere
            && isDecided
            && counted.stream().allMatch(row -> row.status() == Status.FINISHED)
        ? 0
        : ExitCode.UNFINISHED;
  }

  /** Rows of other trials may lie in the folder, from earlier states of the sweep file. */
  private void print(Sweep sweep, ResultFolder folder, Dataset<Row> trials) {
    List<String> tasks =
        sweep.tasks().stream()
            .map(task -> task.source().task().name())
            .collect(Collectors.toList());
    out.println(BenchmarkTable.of(trials, tasks).text());
    String ranks = FinalRanks.of(trials).text();
    out.print(ranks.isEmpty() ? "" : ranks + System.lineSeparator());
    out.println("Tables: " + folder.path());
    out.println("Report: " + Installation.script("report") + " " + sweep.name() + output.option());
    out.println(
        "Ask:    "
            + Installation.script("query")
            + " \""
            + String.format(QUERY, sweep.name())
            + "\""
            + output.option());
  }
}
