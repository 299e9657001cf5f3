package org.peftsweep.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.peftsweep.report.TextTable;
import org.peftsweep.results.LiveFolder;
import org.peftsweep.results.ResultFolder;
import org.peftsweep.results.RunningSweep;
import org.peftsweep.results.RunningTrial;
import org.peftsweep.results.Scores;
import org.peftsweep.results.Scores.Score;
import org.peftsweep.sweep.Ending;
import org.peftsweep.sweep.Plan;
import org.peftsweep.sweep.PlannedTrial;
import org.peftsweep.sweep.SweepListener;
import org.peftsweep.train.Outcome.Status;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells how a sweep goes on: a few lines that are drawn over on a terminal, else one line every
 * half minute. A trial that does not finish gets a line that stays. Others can {@link WatchCommand
 * watch} the same, for which the driver run tells how far it is every ten seconds.
 */
final class ProgressLine implements SweepListener, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ProgressLine.class);

  /** Set by the job scripts where standard error is a terminal, which Java cannot tell alone. */
  private static final String TERMINAL = "PEFT_SWEEP_TERMINAL";

  private static final int TELL_SECONDS = 10;
  private static final int LINE_SECONDS = 30;

  private final PrintStream to;
  private final Screen screen;
  private final LiveFolder live;
  private final Scores scores;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "progress");
            thread.setDaemon(true);
            return thread;
          });
  private final Map<String, PlannedTrial> running = new LinkedHashMap<>();
  private Instant start;
  private Plan plan;
  private int ended;
  private double secondsLeft;
  private double secondsDone;
  private int slots = 1;

  ProgressLine(PrintStream to, boolean isInPlace, ResultFolder folder, Configuration files) {
    this.to = to;
    this.screen = isInPlace ? new Screen(to) : null;
    if (screen != null) {
      screen.guard();
    }
    this.live = new LiveFolder(folder, files);
    this.scores = new Scores(folder, files);
  }

  static boolean isTerminal() {
    return "1".equals(System.getenv(TERMINAL)) || System.console() != null;
  }

  @Override
  public synchronized void started(Plan plan, int slots) {
    start = Instant.now();
    this.plan = plan;
    secondsLeft = plan.pending().stream().mapToDouble(PlannedTrial::seconds).sum();
    this.slots = slots;
    int period = screen == null ? LINE_SECONDS : 1;
    timer.scheduleWithFixedDelay(this::show, period, period, TimeUnit.SECONDS);
    timer.scheduleWithFixedDelay(this::tell, 0, TELL_SECONDS, TimeUnit.SECONDS);
  }

  @Override
  public synchronized void submitted(PlannedTrial trial) {
    running.put(trial.id(), trial);
  }

  @Override
  public synchronized void ended(PlannedTrial trial, Ending ending) {
    running.remove(trial.id());
    if (ending.status() == Status.STOPPED) {
      // It stands on a rung and may go on.
      secondsDone += trial.seconds();
      secondsLeft = Math.max(0, secondsLeft - trial.seconds());
      return;
    }
    ended++;
    secondsLeft -= trial.seconds();
    secondsDone += trial.seconds();
    if (ending.status() != Status.FINISHED) {
      note(ending.status().name().toLowerCase(Locale.ROOT), trial, ending.reason());
    }
  }

  @Override
  public synchronized void lost(PlannedTrial trial, String reason) {
    note("lost, runs again", trial, String.valueOf(reason).lines().findFirst().orElse(""));
  }

  @Override
  public synchronized void stopping(String reason, int count) {
    erase();
    to.println("Stopping, " + reason + ": " + count + " trials are interrupted");
    running.clear();
  }

  @Override
  public void ended() {
    timer.shutdownNow();
    String line = look().line();
    synchronized (this) {
      erase();
      to.println(line);
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
    if (screen != null) {
      screen.close();
    }
    try {
      live.delete();
    } catch (IOException e) {
      LOG.warn("progress not deleted: {}", e.getMessage());
    }
  }

  private void note(String what, PlannedTrial trial, String reason) {
    erase();
    to.println(TextTable.printable(what + ": " + trial.title() + ": " + reason));
  }

  private void erase() {
    if (screen != null) {
      screen.erase();
    }
  }

  private void show() {
    LiveText text = look();
    synchronized (this) {
      if (timer.isShutdown()) {
        return;
      }
      if (screen == null) {
        to.println(text.line());
      } else {
        screen.draw(text.lines());
      }
    }
  }

  private void tell() {
    try {
      live.write(state());
    } catch (IOException e) {
      LOG.warn("progress not written: {}", e.getMessage());
    }
  }

  private RunningSweep state() {
    return state(live.trials());
  }

  private synchronized RunningSweep state(List<RunningTrial> known) {
    // Before a first evaluation trials load and compile, which tells nothing of their pace.
    boolean isPaced =
        ended > 0 || known.stream().anyMatch(trial -> trial.score() != null && trial.step() > 0);
    double partly =
        known.stream()
            .filter(trial -> isPaced && trial.steps() > 0 && running.containsKey(trial.id()))
            .mapToDouble(trial -> running.get(trial.id()).seconds() * trial.step() / trial.steps())
            .sum();
    return new RunningSweep(
        plan.asked().size(),
        plan.done().size(),
        ended,
        slots,
        start,
        secondsDone + partly,
        Math.max(0, secondsLeft - partly),
        Instant.now());
  }

  /** What is for the eye only must not end a sweep. */
  private List<Score> scores() {
    try {
      return scores.look();
    } catch (RuntimeException e) {
      LOG.warn("scores not read: {}", e.getMessage());
      return List.of();
    }
  }

  /** Reads files, so it holds no lock that the scheduler waits for. */
  private LiveText look() {
    List<RunningTrial> alive = live.trials();
    Map<String, RunningTrial> known =
        alive.stream().collect(Collectors.toMap(RunningTrial::id, Function.identity()));
    List<Score> all = scores();
    synchronized (this) {
      List<RunningTrial> trials =
          running.values().stream()
              .map(
                  trial ->
                      known.getOrDefault(
                          trial.id(), RunningTrial.starts(trial.id(), trial.title())))
              .toList();
      List<Score> asked = all.stream().filter(s -> plan.asked().containsKey(s.id())).toList();
      return new LiveText(state(alive), trials, asked);
    }
  }
}
