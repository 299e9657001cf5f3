package org.peftsweep.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.peftsweep.report.MlflowLog;
import org.peftsweep.report.TrackingClient;
import org.peftsweep.report.TrackingClient.TrackingException;
import org.peftsweep.results.Compaction;
import org.peftsweep.results.HeldException;
import org.peftsweep.results.Inspection;
import org.peftsweep.results.Lease;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.Requests;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.RetentionRows;
import org.peftsweep.results.TrialFile;
import org.peftsweep.spec.Candidates;
import org.peftsweep.spec.Sweep;
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

/**
 * One run of the driver over a sweep: what its files tell before anything starts, what earlier runs
 * have left, and then the phases that are due, a contest or all trials, the evaluation of what they
 * chose, further seeds, and the table.
 */
final class SweepRun {
  /** What becomes of rows whose method gives other numbers now. */
  enum Stale {
    rerun,
    keep
  }

  /**
   * How it is to go on.
   *
   * @param source of the sweep, for who has only its results
   * @param stale null where nothing was said
   * @param waits for the end of another driver
   * @param untilDecided the end of the time for further seeds; empty where none are wanted
   * @param tracking server that is told of all trials
   */
  record Wishes(
      Manifest.Source source,
      Stale stale,
      boolean waits,
      Optional<Instant> untilDecided,
      Optional<TrackingClient> tracking) {}

  private static final Duration LOOK_AGAIN = Duration.ofSeconds(2);

  private final Sweep sweep;
  private final List<Candidates> candidates;
  private final boolean isProposed;
  private final boolean isContest;
  private final Phases phases;
  private final Reruns reruns;
  private final ResultFolder folder;
  private final OutputFolder output;
  private final Engine engine;
  private final Forecast forecast;
  private final SearchPhase search;
  private final Configuration files;
  private final Stop stop = new Stop();
  private final PrintStream err;

  private final Inspection inspection;

  /** Rows that do not tell what was kept of the texts that are asked for. */
  private final Set<TrialFile> unmeasured;

  private final List<String> notices = new ArrayList<>();

  /** Whose rows count: changes once a contest has decided. */
  private TrialFilter filter;

  /** Of the phase that is due. */
  private Plan plan;

  /** What users ask of this run by now. */
  private Supplier<Requests> requests = () -> Requests.NONE;

  /** Ids of trials that users asked not to start. */
  private final Set<String> left = new TreeSet<>();

  /** Rows that stand for trials whose method gives other numbers now. */
  private StaleRows old = StaleRows.NONE;

  /**
   * Checks a sweep; says at once what earlier runs left damaged, and of its files what a user
   * should know.
   *
   * @param ofFile ids of what its file alone asks for; null for all
   */
  SweepRun(
      Sweep sweep,
      Sweep.Contents contents,
      Set<String> ofFile,
      Reruns reruns,
      OutputFolder output,
      Engine engine,
      Configuration files,
      PrintStream err) {
    this.sweep = sweep;
    this.reruns = reruns;
    this.output = output;
    this.engine = engine;
    this.files = files;
    this.err = err;
    folder = new ResultFolder(new Path(output.path(files), sweep.name()), files);
    candidates = sweep.candidates(contents);
    isProposed = sweep.search().strategy().isAdaptive();
    isContest = sweep.search().isContest() && reruns.continued().isEmpty();
    phases = new Phases(sweep, isProposed ? List.of() : candidates, ofFile, folder);
    engine
        .requireAll(
            sweep.execution(), candidates.stream().flatMap(Candidates::first).toList(), files)
        .forEach(err::println);
    forecast = engine.forecast(sweep.execution(), files);
    search =
        new SearchPhase(sweep, contents, candidates, folder, output, engine, forecast, stop, err);
    search.requireEarlier(files);
    inspection = Inspection.of(folder, files);
    inspection.notices("set aside, and its trials run again").forEach(err::println);
    unmeasured =
        contents.retention().isNone() || reruns.isSome()
            ? Set.of()
            : RetentionRows.without(
                contents.retention().contentHash(), inspection.without(), files);
    filter = reruns.filter(phases.trials(), folder).anew(unmeasured);
    plan = plan(inspection.without());
    note();
  }

  private Plan plan(ResultFolder of) {
    return Plan.of(phases.trials(), sweep.titles(), of, forecast, Pace.UNKNOWN, filter);
  }

  private void note() {
    for (TaskPlan task : sweep.tasks()) {
      notices.addAll(engine.taskNotices(task.source(), files));
    }
    if (!sweep.retention().isNone()) {
      notices.addAll(engine.taskNotices(sweep.retention(), files));
    }
    long again =
        unmeasured.stream().filter(row -> isProposed || plan.asked().containsKey(row.id())).count();
    if (again > 0) {
      notices.add(
          again
              + " trials begin anew: their rows do not tell what was kept of "
              + sweep.retention().task().name());
    }
  }

  /** Returns what a user should know of tasks and rows, a sentence each. */
  List<String> notices() {
    return notices;
  }

  /** Prints the trials and what they would take. */
  void dryRun(PrintStream out) {
    int slots = Session.localSlots();
    Forecast measured =
        engine.measured(sweep.execution(), slots, files, phases.trials(), out::println);
    Plan all =
        Plan.of(
            phases.trials(), sweep.titles(), inspection.without(), measured, Pace.UNKNOWN, filter);
    out.print(
        new DryRun(all, measured, sweep.execution().pack().mostLanes(), slots, sweep.withoutRatio())
                .text()
            + phases.later());
    out.print(SearchPhase.text(sweep.search()));
  }

  /** Runs what is due, prints the table, and returns the exit status. */
  int run(Wishes wishes, PrintStream out) throws InterruptedException {
    err.print(isContest ? SearchPhase.text(sweep.search()) : "");
    if (!isProposed) {
      err.println(plan.opening(sweep.name(), reruns.isSome()));
    }
    // A sweep with nothing to run may be read while another driver holds it.
    boolean mayTrain =
        sweep.protocol().tunes()
            || isContest
            || wishes.untilDecided().isPresent()
            || !plan.pending().isEmpty()
            || !inspection.damages().isEmpty();
    try (Lease lease = mayTrain ? lease(wishes.waits()) : null;
        Session session = Session.open("peft-sweep " + sweep.name())) {
      SparkSession spark = session.spark();
      Compaction compaction =
          new Compaction(folder, files, Compaction.WORTHWHILE, Compaction.GRACE);
      if (lease != null) {
        Interrupts.tell(stop, err);
        Requests.handOver(lease, folder, files);
        requests = () -> Requests.read(folder, files).of(lease.token());
        inspection.setAside();
        compaction.run();
      }
      train(spark, wishes);
      if (lease != null) {
        compaction.run();
      }
      wishes.tracking().ifPresent(client -> log(ResultTables.of(spark, folder), client));
      return summary(spark, out);
    }
  }

  private void train(SparkSession spark, Wishes wishes) throws InterruptedException {
    phases.publish(folder, wishes.source());
    List<Candidates> choices = candidates;
    boolean isOver = true;
    if (isContest) {
      SearchPhase.Found found =
          search.run(
              spark,
              reruns.rerun().isEmpty() ? TrialFilter.NONE.anew(unmeasured) : filter,
              requests);
      left.addAll(found.left());
      choices = found.candidates();
      isOver = found.isOver();
      phases.compete(found.trials(), found.what());
      phases.publish(folder, wishes.source());
      filter = filter.without(found.ids());
      plan = plan(folder);
    } else if (!reruns.continued().isEmpty()) {
      run(spark, reruns.stopped(spark, folder), filter);
    } else {
      runPending(spark, wishes);
    }
    if (sweep.protocol().tunes() && isOver && stop.reason().isEmpty()) {
      evaluate(spark, choices, wishes);
    }
    if (wishes.untilDecided().isPresent() && stop.reason().isEmpty()) {
      plan =
          new Replication(sweep, folder, phases, wishes.source(), forecast, stop, err)
              .run(
                  spark,
                  wishes.untilDecided().get(),
                  ids -> run(spark, phases.trials(), TrialFilter.again(Set.of(), ids)));
    }
  }

  /** Chooses settings by what tuning has shown, and runs what they are evaluated by. */
  private void evaluate(SparkSession spark, List<Candidates> choices, Wishes wishes)
      throws InterruptedException {
    Selection selection = Selection.of(choices, ResultTables.of(spark, folder).trials(), isContest);
    phases.add(selection);
    phases.publish(folder, wishes.source());
    plan = plan(folder);
    err.println(
        plan.opening(sweep.name(), reruns.isSome())
            + "; "
            + selection.choices().size()
            + " choices made");
    selection.hopeless().forEach(name -> err.println(Selection.sentence(name)));
    runPending(spark, wishes);
  }

  private int summary(SparkSession spark, PrintStream out) {
    Set<String> shown = new TreeSet<>(plan.asked().keySet());
    shown.addAll(old.storedIds().values());
    shown.addAll(phases.before());
    SweepSummary summary = new SweepSummary(folder, output, out, err);
    long undefined = summary.print(ResultTables.of(spark, folder), shown);
    return summary.exitCode(
        plan,
        phases.areDecided() && undefined == 0,
        old,
        stop.reason(),
        left,
        reruns.isSome(),
        isContest);
  }

  private Lease lease(boolean waits) throws InterruptedException {
    boolean isTold = false;
    while (true) {
      try {
        return Lease.take(
            folder,
            files,
            Lease.Timing.STANDARD,
            () -> stop.ask("another driver has taken this sweep"));
      } catch (HeldException e) {
        if (!waits) {
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
  private StaleRows stale(SparkSession spark, Stale stale) {
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

  /** Runs what is pending of the plan, but for trials that stale rows stand for. */
  private void runPending(SparkSession spark, Wishes wishes) throws InterruptedException {
    old = plan.pending().isEmpty() ? StaleRows.NONE : stale(spark, wishes.stale());
    if (phases.keep(old.storedIds())) {
      phases.publish(folder, wishes.source());
    }
    if (!plan.pending().isEmpty()) {
      run(spark, phases.trials(), filter.without(old.trials()));
    }
  }

  private void run(SparkSession spark, List<Trial> trials, TrialFilter which)
      throws InterruptedException {
    Forecast now = engine.forecast(sweep.execution(), spark.sparkContext().hadoopConfiguration());
    boolean isFresh = folder.trials().isEmpty();
    Pace pace = isFresh ? Pace.UNKNOWN : Pace.of(ResultTables.of(spark, folder), trials, now);
    Plan due = Plan.of(trials, sweep.titles(), folder, now, pace, which);
    try (ProgressLine progress =
        new ProgressLine(
            err, ProgressLine.isTerminal(), folder, spark.sparkContext().hadoopConfiguration())) {
      JavaSparkContext context = new JavaSparkContext(spark.sparkContext());
      SweepRunner runner =
          new SweepRunner(context, folder, engine.task(sweep.execution()), progress, requests);
      runner.run(due, now, sweep.execution().pack().mostLanes(), stop);
      left.addAll(runner.left());
    }
  }

  /** A server that is down costs no trial: what it missed is logged by the next run. */
  private void log(ResultTables tables, TrackingClient client) {
    String address = client.address();
    try {
      err.println(MlflowLog.write(tables, sweep.name(), client) + " trials logged to " + address);
    } catch (TrackingException e) {
      err.println(
          "Cannot log to " + address + ": " + e.getMessage() + "; run again to log what it lacks");
    }
  }
}
