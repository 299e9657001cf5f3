package org.peftsweep.sweep;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
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
  private final Supplier<Requests> requests;
  private Set<String> left = Set.of();

  /** Makes one whom nobody asks for anything on the way. */
  public SweepRunner(
      JavaSparkContext context, ResultFolder folder, TrialTask task, SweepListener listener) {
    this(context, folder, task, listener, () -> Requests.NONE);
  }

  /**
   * Makes one that users steer.
   *
   * @param requests what they ask of this run by now
   */
  public SweepRunner(
      JavaSparkContext context,
      ResultFolder folder,
      TrialTask task,
      SweepListener listener,
      Supplier<Requests> requests) {
    this.context = context;
    this.folder = folder;
    this.task = task;
    this.listener = listener;
    this.requests = requests;
  }

  /** Returns ids of trials that did not start since users asked them to stop. */
  public Set<String> left() {
    return left;
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
   * @param stopped ids of trials that users stopped in earlier runs
   */
  public Decided run(
      Contests contests,
      Plan plan,
      Function<Trial, String> title,
      Forecast forecast,
      TrialFilter again,
      Set<String> stopped,
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
              stopped,
              mostLanes,
              events,
              requests);
      try {
        new Scheduler(cluster, folder, events, listener, Retries.STANDARD, stop).run(work);
        left = work.left();
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
   * Runs every pending trial, unless asked to stop or capped, which {@code stop} then tells, and
   * returns how each ended, in the order in which they did.
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
        SteeredWork steered = new SteeredWork(packs, requests, folder.attempts().keySet());
        List<Ending> endings =
            new Scheduler(cluster, folder, events, listener, Retries.STANDARD, stop).run(steered);
        left = steered.left();
        steered.cap().ifPresent(stop::ask);
        return endings;
      } finally {
        events.add(Event.Kind.SWEEP_ENDED, null);
        events.write();
        listener.ended();
      }
    }
  }
}
