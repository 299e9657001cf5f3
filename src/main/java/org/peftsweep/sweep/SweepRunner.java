package org.peftsweep.sweep;

import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.SerializableConfiguration;
import org.peftsweep.results.Event;
import org.peftsweep.results.Provenance;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.TrialRow;
import org.peftsweep.train.Outcome;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the pending trials of a plan, each as a Spark job of one task with the trial's title as
 * description.
 *
 * <p>As many jobs are open as there are slots, so trials start in the order of the plan and Spark
 * alone decides where. A job that Spark gives up, as when its executor is lost, is run once more;
 * then the driver writes the row that the executor could not. {@code spark.task.maxFailures} should
 * be 1: a trial's own failure never fails its task.
 */
public final class SweepRunner {
  private static final Logger LOG = LoggerFactory.getLogger(SweepRunner.class);
  private static final int TRIES = 2;
  private static final long LOOK_AGAIN_MILLIS = 1000;

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
   * Runs every pending trial and returns how each ended, in the order in which they did.
   *
   * @throws java.io.UncheckedIOException if a row can be written neither by executor nor by driver
   */
  public List<Ending> run(Plan plan) throws InterruptedException {
    folder.prepare();
    EventLog events = new EventLog(folder);
    events.add(
        Event.Kind.SWEEP_STARTED,
        plan.asked().size() + " trials, " + plan.done().size() + " done before");
    plan.done().forEach(id -> events.add(Event.Kind.SKIPPED, id, null, null));
    listener.started(plan, Slots.of(context));
    ExecutorService pool = Executors.newCachedThreadPool(SweepRunner::daemon);
    try {
      return new Run(plan, events, pool).all();
    } finally {
      pool.shutdownNow();
      events.add(Event.Kind.SWEEP_ENDED, null);
      events.write();
      listener.ended();
    }
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "trial");
    thread.setDaemon(true);
    return thread;
  }

  /** How one submission of a trial went: an ending, or the fault that Spark reported. */
  private record Answer(PlannedTrial trial, int tries, Ending ending, Exception fault) {}

  /** The state of one call of {@link #run}, touched by the calling thread only. */
  private final class Run {
    private final EventLog events;
    private final CompletionService<Answer> answers;
    private final Deque<PlannedTrial> waiting;
    private final List<Ending> endings = new ArrayList<>();
    private final Broadcast<SerializableConfiguration> configuration;
    private int open;

    Run(Plan plan, EventLog events, ExecutorService pool) {
      this.events = events;
      this.answers = new ExecutorCompletionService<>(pool);
      this.waiting = new ArrayDeque<>(plan.pending());
      Configuration hadoop = context.hadoopConfiguration();
      this.configuration = context.broadcast(new SerializableConfiguration(hadoop));
    }

    List<Ending> all() throws InterruptedException {
      try {
        while (open > 0 || !waiting.isEmpty()) {
          while (!waiting.isEmpty() && open < Slots.of(context)) {
            submit(waiting.poll(), 1);
          }
          Future<Answer> answer = answers.poll(LOOK_AGAIN_MILLIS, TimeUnit.MILLISECONDS);
          if (answer != null) {
            open--;
            take(answer.get());
          }
        }
      } catch (ExecutionException e) {
        throw new IllegalStateException(e.getCause());
      } finally {
        if (open > 0) {
          context.cancelAllJobs();
        }
      }
      return endings;
    }

    private void submit(PlannedTrial trial, int tries) {
      open++;
      events.add(Event.Kind.SUBMITTED, trial.id(), trial.attempt(), null);
      listener.submitted(trial);
      answers.submit(() -> answer(trial, tries));
    }

    private Answer answer(PlannedTrial trial, int tries) {
      context.setJobGroup(trial.id(), trial.title(), true);
      TrialJob job =
          new TrialJob(
              task,
              trial.title(),
              trial.attempt(),
              folder.path(),
              context.version(),
              configuration);
      try {
        List<Ending> endings =
            context.parallelize(List.of(trial.trial().toJson()), 1).map(job).collect();
        return new Answer(trial, tries, endings.get(0), null);
      } catch (Exception e) {
        return new Answer(trial, tries, null, e);
      }
    }

    private void take(Answer answer) throws InterruptedException {
      PlannedTrial trial = answer.trial();
      if (answer.ending() != null) {
        end(trial, answer.ending());
        return;
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedException();
      }
      if (!isSparksFault(answer.fault()) || context.sc().isStopped()) {
        throw new IllegalStateException(
            "Cannot run " + trial.title() + ": " + answer.fault().getMessage(), answer.fault());
      }
      String reason = answer.fault().getMessage();
      LOG.warn("id={} attempt={} lost: {}", trial.id(), trial.attempt(), reason);
      events.add(Event.Kind.LOST, trial.id(), trial.attempt(), reason);
      if (answer.tries() < TRIES) {
        listener.lost(trial, reason);
        submit(trial, answer.tries() + 1);
      } else {
        end(trial, publishLoss(trial, answer.fault()));
      }
    }

    private void end(PlannedTrial trial, Ending ending) {
      endings.add(ending);
      String status = ending.status().name().toLowerCase(Locale.ROOT);
      events.add(Event.Kind.ENDED, trial.id(), trial.attempt(), status);
      listener.ended(trial, ending);
    }

    private Ending publishLoss(PlannedTrial trial, Exception fault) {
      Outcome outcome = Failures.outcome(fault);
      Instant now = Instant.now();
      folder.publish(
          new TrialRow(
              folder.sweep(),
              trial.id(),
              trial.title(),
              trial.attempt(),
              trial.trial(),
              outcome,
              new Provenance(null, null, null, null, null, null, null, context.version(), null),
              now,
              now,
              Failures.stackTrace(fault)));
      return new Ending(trial.id(), outcome.status(), outcome.reason(), 0);
    }
  }

  /** Whether a job was given up, rather than never formed (as when the task does not serialize). */
  private static boolean isSparksFault(Exception fault) {
    // Spark throws its checked exception through an API that declares none.
    return fault instanceof SparkException
        && !String.valueOf(fault.getMessage()).contains("not serializable");
  }
}
