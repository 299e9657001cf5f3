package org.peftsweep.sweep;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import org.apache.spark.api.java.JavaSparkContext;
import org.peftsweep.results.Event;
import org.peftsweep.results.Readings;
import org.peftsweep.results.Requests;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.spec.Trial;

/** Runs the pending trials of a plan on Spark and notes in the events what happens. */
public final class SweepRunner {
  private final JavaSparkContext context;
  private final ResultFolder folder;
  private final TrialTask task;
  private final SweepListener listener;

  public SweepRunner(
      JavaSparkContext context, ResultFolder folder, TrialTask task, SweepListener listener) {
    this.context = context;
    this.folder = folder;
    this.task = task;
    this.listener = listener;
  }

  /**
   * What came of contests.
   *
   * @param isOver whether everything is decided
   * @param reasons why trials that stand on a rung go no further, by id
   * @param cap what a user limited, if that ended the run
   */
  public record Decided(boolean isOver, Map<String, String> reasons, Optional<String> cap) {}

  /**
   * Runs contests until all is decided, in packs of at most so many trials.
   *
   * @param plan what is known of the trials so far
   * @param again which trials whose rows tell of a failure run again
   */
  public Decided run(
      Contests contests,
      Plan plan,
      Function<Trial, String> title,
      Forecast forecast,
      TrialFilter again,
      OptionalInt mostLanes,
      Stop stop)
      throws InterruptedException {
    folder.prepare();
    var files = context.hadoopConfiguration();
    try (SparkCluster cluster = new SparkCluster(context, folder, task)) {
      EventLog events = new EventLog(folder, cluster::now);
      events.add(Event.Kind.SWEEP_STARTED, plan.asked().size() + " trials");
      listener.started(plan, cluster.slots());
      ContestWork work =
          new ContestWork(
              contests,
              forecast,
              title,
              folder,
              new Readings(folder, files),
              again,
              mostLanes,
              events,
              () -> Requests.read(folder, files));
      try {
        new Scheduler(cluster, folder, events, listener, Retries.STANDARD, stop).run(work);
        return new Decided(work.isOver(), work.reasons(), work.cap());
      } finally {
        events.add(Event.Kind.SWEEP_ENDED, null);
        events.write();
        listener.ended();
      }
    }
  }

  /** Runs every pending trial and returns how each ended, in the order in which they did. */
  public List<Ending> run(Plan plan) throws InterruptedException {
    return run(plan, new Stop());
  }

  /**
   * Runs every pending trial, unless asked to stop, and returns how each ended, in the order in
   * which they did.
   *
   * @throws java.io.UncheckedIOException if a row can be written neither by executor nor by driver
   * @throws IllegalStateException if Spark stopped, or cannot run any trial
   */
  public List<Ending> run(Plan plan, Stop stop) throws InterruptedException {
    return run(plan, trial -> new Forecast.Size(0, 0, 0, 0), OptionalInt.of(1), stop);
  }

  /**
   * The same in packs of at most so many trials; empty for as many as serve.
   *
   * @param forecast that tells which trials may train together
   */
  public List<Ending> run(Plan plan, Forecast forecast, OptionalInt mostLanes, Stop stop)
      throws InterruptedException {
    folder.prepare();
    try (SparkCluster cluster = new SparkCluster(context, folder, task)) {
      EventLog events = new EventLog(folder, cluster::now);
      events.add(
          Event.Kind.SWEEP_STARTED,
          plan.asked().size() + " trials, " + plan.done().size() + " done before");
      plan.done().forEach(id -> events.add(Event.Kind.SKIPPED, id, null, null));
      listener.started(plan, cluster.slots());
      try {
        Work packs = Work.of(PackPlan.of(plan.pending(), forecast, mostLanes, cluster.slots()));
        Work steered =
            new SteeredWork(
                packs,
                () -> Requests.read(folder, context.hadoopConfiguration()),
                folder.attempts().keySet());
        return new Scheduler(cluster, folder, events, listener, Retries.STANDARD, stop)
            .run(steered);
      } finally {
        events.add(Event.Kind.SWEEP_ENDED, null);
        events.write();
        listener.ended();
      }
    }
  }
}
