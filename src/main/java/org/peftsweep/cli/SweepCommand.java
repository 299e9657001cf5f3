package org.peftsweep.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
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
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.sql.SparkSession;
import org.peftsweep.report.MlflowLog;
import org.peftsweep.report.TrackingClient;
import org.peftsweep.report.TrackingClient.TrackingException;
import org.peftsweep.results.Compaction;
import org.peftsweep.results.HeldException;
import org.peftsweep.results.Inspection;
import org.peftsweep.results.Lease;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.RetentionRows;
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

  @Option(
      names = "--add",
      paramLabel = "BLOCK",
      description =
          "A further block of the grid, beside the file: --add '{method: lora, rank: 4}'; may be"
              + " repeated.")
  private List<String> added = List.of();

  @Option(
      names = "--until-decided",
      description =
          "Then add seeds to the recipes that cannot be told apart, until the best are or are equal"
              + " within a point.")
  private boolean isUntilDecided;

  @Option(
      names = "--budget",
      paramLabel = "TIME",
      description = "Longest time that --until-decided may take: 30m, 2h, 1d.")
  private String budget;

  @Option(
      names = "--continue",
      paramLabel = "IDS",
      split = ",",
      description = "Let exactly these trials that were stopped early go on to their end.")
  private List<String> continued = List.of();

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
    Instant end = Replication.end(budget, isUntilDecided);
    Configuration files = SparkHadoopUtil.get().conf();
    Locations locations = Locations.ofProcess(files, Installation.home());
    Sweep sweep = SweepFile.read(file, overrides, added, locations);
    if (!isDryRun) {
      GpuRequirements.require(sweep.execution(), new SparkConf());
    }
    ResultFolder folder = new ResultFolder(new Path(output.path(files), sweep.name()), files);
    Sweep.Contents contents = contents(sweep, files);
    List<Candidates> candidates = sweep.candidates(contents);
    boolean isProposed = sweep.search().strategy().isAdaptive();
    Phases phases =
        new Phases(sweep, isProposed ? List.of() : candidates, ofFile(locations, files), folder);
    engine
        .requireAll(
            sweep.execution(), candidates.stream().flatMap(Candidates::first).toList(), files)
        .forEach(err::println);
    Forecast forecast = engine.forecast(sweep.execution(), files);
    SearchPhase search =
        new SearchPhase(sweep, contents, candidates, folder, output, engine, forecast, stop, err);
    search.requireEarlier(files);
    boolean isContest = sweep.search().isContest() && continued.isEmpty();
    Inspection inspection = Inspection.of(folder, files);
    inspection.notices("set aside, and its trials run again").forEach(err::println);
    Set<TrialFile> unmeasured =
        contents.retention().isNone() || again().isSome()
            ? Set.of()
            : RetentionRows.without(
                contents.retention().contentHash(), inspection.without(), files);
    TrialFilter filter = again().filter(phases.trials(), folder).anew(unmeasured);
    Plan first =
        Plan.of(
            phases.trials(), sweep.titles(), inspection.without(), forecast, Pace.UNKNOWN, filter);
    PrintStream notices = isDryRun ? out : err;
    for (TaskPlan task : sweep.tasks()) {
      engine.taskNotices(task.source(), files).forEach(notices::println);
    }
    if (!sweep.retention().isNone()) {
      engine.taskNotices(sweep.retention(), files).forEach(notices::println);
    }
    long again =
        unmeasured.stream()
            .filter(row -> isProposed || first.asked().containsKey(row.id()))
            .count();
    if (again > 0) {
      notices.println(
          again
              + " trials begin anew: their rows do not tell what was kept of "
              + sweep.retention().task().name());
    }
    if (isDryRun) {
      dryRun(sweep, phases, inspection.without(), filter, files);
      out.print(SearchPhase.text(sweep.search()));
      return 0;
    }
    output.made(files);
    err.print(isContest ? SearchPhase.text(sweep.search()) : "");
    if (!isProposed) {
      err.println(first.opening(sweep.name(), again().isSome()));
    }
    // A sweep with nothing to run may be read while another driver holds it.
    boolean mayTrain =
        sweep.protocol().tunes()
            || isContest
            || isUntilDecided
            || !first.pending().isEmpty()
            || !inspection.damages().isEmpty();
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
      Manifest.Source source = source(locations);
      phases.publish(folder, source);
      StaleRows old = StaleRows.NONE;
      Plan last = first;
      List<Candidates> choices = candidates;
      boolean isOver = true;
      if (isContest) {
        SearchPhase.Found found =
            search.run(spark, rerun.isEmpty() ? TrialFilter.NONE.anew(unmeasured) : filter);
        choices = found.candidates();
        isOver = found.isOver();
        phases.compete(found.trials(), found.what());
        phases.publish(folder, source);
        filter = filter.without(found.ids());
        last = Plan.of(phases.trials(), sweep.titles(), folder, forecast, Pace.UNKNOWN, filter);
      } else if (!continued.isEmpty()) {
        run(spark, folder, sweep, again().stopped(spark, folder), filter);
      } else {
        old = train(spark, folder, sweep, phases, first, filter);
      }
      if (sweep.protocol().tunes() && isOver && stop.reason().isEmpty()) {
        Selection selection =
            Selection.of(choices, ResultTables.of(spark, folder).trials(), isContest);
        phases.add(selection);
        phases.publish(folder, source);
        last = Plan.of(phases.trials(), sweep.titles(), folder, forecast, Pace.UNKNOWN, filter);
        err.println(
            last.opening(sweep.name(), again().isSome())
                + "; "
                + selection.choices().size()
                + " choices made");
        selection.hopeless().forEach(name -> err.println(Selection.sentence(name)));
        old = train(spark, folder, sweep, phases, last, filter);
      }
      if (isUntilDecided && stop.reason().isEmpty()) {
        Replication replication =
            new Replication(sweep, folder, phases, source, forecast, stop, err);
        last =
            replication.run(
                spark,
                end,
                ids ->
                    run(spark, folder, sweep, phases.trials(), TrialFilter.again(Set.of(), ids)));
      }
      if (lease != null) {
        compaction.run();
      }
      if (tracking.isPresent()) {
        log(ResultTables.of(spark, folder), sweep.name(), tracking.get());
      }
      Set<String> shown = new TreeSet<>(last.asked().keySet());
      shown.addAll(old.storedIds().values());
      shown.addAll(phases.before());
      ResultTables tables = ResultTables.of(spark, folder);
      SweepSummary summary = new SweepSummary(folder, output, out, err);
      long undefined = summary.print(tables, shown);
      return summary.exitCode(
          last,
          phases.areDecided() && undefined == 0,
          old,
          stop.reason(),
          again().isSome(),
          isContest);
    }
  }

  private void dryRun(
      Sweep sweep, Phases phases, ResultFolder folder, TrialFilter filter, Configuration files) {
    int slots = Session.localSlots();
    Forecast forecast =
        engine.measured(sweep.execution(), slots, files, phases.trials(), out::println);
    Plan plan = Plan.of(phases.trials(), sweep.titles(), folder, forecast, Pace.UNKNOWN, filter);
    out.print(
        new DryRun(plan, forecast, sweep.execution().pack().mostLanes(), slots).text()
            + phases.later());
  }

  private Sweep.Contents contents(Sweep sweep, Configuration files) {
    return sweep.contents(
        location -> engine.modelHash(location, files), source -> engine.taskHash(source, files));
  }

  private Reruns again() {
    return new Reruns(rerun, continued);
  }

  private List<Candidates> candidatesOfFile(Locations locations, Configuration files) {
    Sweep sweep = SweepFile.read(file, overrides, locations);
    return sweep.candidates(contents(sweep, files));
  }

  /** Returns ids of what the file asks for without further blocks; null where there are none. */
  private Set<String> ofFile(Locations locations, Configuration files) {
    return added.isEmpty()
        ? null
        : candidatesOfFile(locations, files).stream()
            .flatMap(Candidates::first)
            .map(Trial::id)
            .collect(Collectors.toSet());
  }

  private Manifest.Source source(Locations locations) {
    String question =
        locations
            .text(file)
            .flatMap(text -> text.lines().findFirst())
            .filter(line -> line.startsWith("#") && line.contains("?"))
            .map(line -> line.substring(1, line.indexOf('?') + 1).strip())
            .orElse("");
    return new Manifest.Source(file, overrides, question);
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
}
