package org.peftsweep.sweep;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeSet;
import org.peftsweep.results.Event;
import org.peftsweep.results.Provenance;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.TrialFile;
import org.peftsweep.results.TrialRow;
import org.peftsweep.train.Outcome;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands packs of trials to a cluster in their order, as many at once as it has slots.
 *
 * <p>A trial that is lost with its machine is started again after a wait, before others and
 * elsewhere if possible; after {@link Retries#tries} starts the driver writes the row that no
 * executor could. Where the output folder has no space left nothing starts again. All else that
 * goes wrong in a trial is its ending, and no ending starts again.
 */
final class Scheduler {
  private static final Logger LOG = LoggerFactory.getLogger(Scheduler.class);
  private static final Duration LOOK_AGAIN = Duration.ofSeconds(1);

  /** What a checkpoint of a large model may take. */
  private static final Duration LONGEST_STOP = Duration.ofMinutes(2);

  private final Cluster cluster;
  private final ResultFolder folder;
  private final EventLog events;
  private final SweepListener listener;
  private final Retries retries;
  private final Stop stop;
  private final PriorityQueue<Start> later =
      new PriorityQueue<>(Comparator.comparing(Start::due).thenComparing(start -> start.id()));
  private final Map<String, Start> open = new HashMap<>();

  /** Trials that a started pack still has open, by any of them. */
  private final Map<String, Set<String>> packs = new HashMap<>();

  private final List<Ending> endings = new ArrayList<>();
  private Work work;

  /** A trial's start, counted from 1, which may not be before {@code due}. */
  private record Start(PlannedTrial trial, int count, Set<String> lostOn, Instant due) {
    String id() {
      return trial.id();
    }
  }

  Scheduler(
      Cluster cluster,
      ResultFolder folder,
      EventLog events,
      SweepListener listener,
      Retries retries,
      Stop stop) {
    this.cluster = cluster;
    this.folder = folder;
    this.events = events;
    this.listener = listener;
    this.retries = retries;
    this.stop = stop;
  }

  /**
   * Runs these packs of trials and returns how each trial ended, in the order in which they did;
   * those that were interrupted by {@link Stop} are missing.
   *
   * @throws UncheckedIOException if a row can be written neither by executor nor by driver, or the
   *     folder has no space left
   */
  List<Ending> run(Collection<List<PlannedTrial>> plannedPacks) throws InterruptedException {
    return run(Work.of(plannedPacks));
  }

  /** The same with packs that come of work as it is decided. */
  List<Ending> run(Work asked) throws InterruptedException {
    work = asked;
    boolean isOver = false;
    try {
      while (true) {
        if (stop.reason().isPresent()) {
          interrupt();
          break;
        }
        fill();
        if (open.isEmpty() && later.isEmpty()) {
          break;
        }
        Cluster.Answer answer = cluster.await(untilNext());
        while (answer != null) {
          take(answer);
          // All of a pack come at once, and tell together what to start.
          answer = stop.reason().isPresent() ? null : cluster.await(Duration.ZERO);
        }
        events.writeIfDue();
      }
      isOver = true;
    } finally {
      if (!isOver && !open.isEmpty()) {
        cluster.cancel(Duration.ZERO);
      }
    }
    return endings;
  }

  private void fill() {
    int slots = cluster.slots();
    Instant now = cluster.now();
    while (new HashSet<>(packs.values()).size() < slots) {
      boolean isAgain = !later.isEmpty() && !later.peek().due().isAfter(now);
      if (isAgain) {
        start(List.of(later.poll()));
        continue;
      }
      List<PlannedTrial> next = work.poll(slots);
      if (next == null) {
        return;
      }
      start(next.stream().map(t -> new Start(t, 1, Set.of(), Instant.MIN)).toList());
    }
  }

  private void start(List<Start> pack) {
    List<PlannedTrial> trials = new ArrayList<>();
    Set<String> avoided = new TreeSet<>();
    for (Start start : pack) {
      PlannedTrial trial = start.trial();
      if (isDone(trial)) {
        continue;
      }
      trials.add(trial);
      avoided.addAll(start.lostOn());
      open.put(start.id(), start);
      events.add(Event.Kind.SUBMITTED, trial.id(), trial.attempt(), null);
      listener.submitted(trial);
    }
    if (!trials.isEmpty()) {
      Set<String> together = new HashSet<>();
      trials.forEach(trial -> together.add(trial.id()));
      trials.forEach(trial -> packs.put(trial.id(), together));
      cluster.start(trials, avoided);
    }
  }

  /** Whether an executor outlived the driver before this one, or a lost trial had its row. */
  private boolean isDone(PlannedTrial trial) {
    Optional<TrialFile> done = folder.done(trial.id(), trial.attempt());
    done.ifPresent(
        row -> {
          String why = "its row has come since";
          events.add(Event.Kind.SKIPPED, trial.id(), trial.attempt(), why);
          Ending ending = new Ending(trial.id(), row.status(), null, 0);
          endings.add(ending);
          work.ended(trial, ending);
          listener.ended(trial, ending);
        });
    return done.isPresent();
  }

  private Duration untilNext() {
    if (later.isEmpty()) {
      return LOOK_AGAIN;
    }
    Duration wait = Duration.between(cluster.now(), later.peek().due());
    // A start that is due already waits for a slot.
    return wait.isNegative() || wait.isZero() || wait.compareTo(LOOK_AGAIN) > 0 ? LOOK_AGAIN : wait;
  }

  private void take(Cluster.Answer answer) {
    Start start = open.remove(answer.trial().id());
    packs.remove(answer.trial().id());
    if (answer instanceof Cluster.Ended ended) {
      end(ended.trial(), ended.ending());
    } else if (answer instanceof Cluster.Lost lost) {
      lose(start, lost);
    }
  }

  private void lose(Start start, Cluster.Lost lost) {
    PlannedTrial trial = lost.trial();
    if (isDone(trial)) {
      // Of a pack that was lost, some had come to their end.
      return;
    }
    String reason = lost.fault().getMessage();
    LOG.warn("id={} attempt={} lost: {}", trial.id(), trial.attempt(), reason);
    events.add(Event.Kind.LOST, trial.id(), trial.attempt(), reason);
    MachineFaults.full(lost.fault(), folder.path()).ifPresent(Scheduler::giveUp);
    if (start.count() >= retries.tries()) {
      end(trial, publishLoss(trial, lost.fault()));
      return;
    }
    listener.lost(trial, reason);
    Set<String> lostOn = new TreeSet<>(start.lostOn());
    if (lost.host() != null) {
      lostOn.add(lost.host());
    }
    Instant due = cluster.now().plus(retries.after(start.count()));
    later.add(new Start(trial, start.count() + 1, lostOn, due));
  }

  /** No trial can leave a row in a full folder; another start would train for nothing. */
  private static void giveUp(String full) {
    throw new UncheckedIOException(
        full + ", make some and run the same again", new IOException(full));
  }

  private void end(PlannedTrial trial, Ending ending) {
    endings.add(ending);
    work.ended(trial, ending);
    events.add(Event.Kind.ENDED, trial.id(), trial.attempt(), TrialFile.word(ending.status()));
    listener.ended(trial, ending);
  }

  private Ending publishLoss(PlannedTrial trial, Exception fault) {
    Outcome outcome = Failures.outcome(fault);
    Instant now = cluster.now();
    folder.publish(
        new TrialRow(
            folder.sweep(),
            trial.id(),
            trial.title(),
            trial.attempt(),
            trial.trial(),
            outcome,
            new Provenance(null, null, null, null, null, null, null, null, null),
            now,
            now,
            Failures.stackTrace(fault)));
    return new Ending(trial.id(), outcome.status(), outcome.reason(), 0);
  }

  /** Ends what runs; a trial whose row came in time has ended, the others go on in a later run. */
  private void interrupt() throws InterruptedException {
    listener.stopping(stop.reason().orElseThrow(), open.size());
    if (!cluster.cancel(LONGEST_STOP)) {
      LOG.warn("Some trials still run {} s after they were interrupted", LONGEST_STOP.toSeconds());
    }
    while (!open.isEmpty()) {
      Cluster.Answer answer = cluster.await(LOOK_AGAIN);
      if (answer == null) {
        return;
      }
      PlannedTrial trial = answer.trial();
      open.remove(trial.id());
      packs.remove(trial.id());
      if (answer instanceof Cluster.Ended ended) {
        end(trial, ended.ending());
      } else {
        events.add(Event.Kind.STOPPED, trial.id(), trial.attempt(), stop.reason().get());
      }
    }
  }
}
