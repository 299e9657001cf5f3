package org.peftsweep.sweep;

import java.util.List;
import java.util.OptionalInt;
import org.apache.spark.api.java.JavaSparkContext;
import org.peftsweep.results.Event;
import org.peftsweep.results.ResultFolder;

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
        return new Scheduler(cluster, folder, events, listener, Retries.STANDARD, stop)
            .run(PackPlan.of(plan.pending(), forecast, mostLanes, cluster.slots()));
      } finally {
        events.add(Event.Kind.SWEEP_ENDED, null);
        events.write();
        listener.ended();
      }
    }
  }
}
