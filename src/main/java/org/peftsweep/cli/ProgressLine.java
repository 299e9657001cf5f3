package org.peftsweep.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.peftsweep.sweep.Ending;
import org.peftsweep.sweep.Plan;
import org.peftsweep.sweep.PlannedTrial;
import org.peftsweep.sweep.SweepListener;
import org.peftsweep.train.Outcome.Status;

/**
 * One line on how a sweep goes on: updated in place on a terminal, else written every half minute.
 * A trial that does not finish gets a line that stays.
 */
final class ProgressLine implements SweepListener, AutoCloseable {
  /** Set by the job scripts where standard error is a terminal, which Java cannot tell alone. */
  private static final String TERMINAL = "PEFT_SWEEP_TERMINAL";

  private static final String ERASE = "\r\u001b[K";

  private final PrintStream to;
  private final boolean isInPlace;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "progress");
            thread.setDaemon(true);
            return thread;
          });
  private final Set<String> running = new LinkedHashSet<>();
  private long start;
  private int total;
  private int ended;
  private int unfinished;
  private double secondsLeft;
  private double secondsDone;
  private int slots = 1;

  ProgressLine(PrintStream to, boolean isInPlace) {
    this.to = to;
    this.isInPlace = isInPlace;
  }

  static boolean isTerminal() {
    return "1".equals(System.getenv(TERMINAL)) || System.console() != null;
  }

  @Override
  public synchronized void started(Plan plan, int slots) {
    start = System.nanoTime();
    total = plan.pending().size();
    secondsLeft = plan.pending().stream().mapToDouble(PlannedTrial::seconds).sum();
    this.slots = slots;
    long period = isInPlace ? 1 : 30;
    timer.scheduleAtFixedRate(this::show, period, period, TimeUnit.SECONDS);
  }

  @Override
  public synchronized void submitted(PlannedTrial trial) {
    running.add(trial.id());
    refresh();
  }

  @Override
  public synchronized void ended(PlannedTrial trial, Ending ending) {
    running.remove(trial.id());
    ended++;
    secondsLeft -= trial.seconds();
    secondsDone += trial.seconds();
    if (ending.status() != Status.FINISHED) {
      unfinished++;
      note(ending.status().name().toLowerCase(Locale.ROOT), trial, ending.reason());
    }
    refresh();
  }

  @Override
  public synchronized void lost(PlannedTrial trial, String reason) {
    note("lost, runs again", trial, String.valueOf(reason).lines().findFirst().orElse(""));
  }

  @Override
  public synchronized void stopping(String reason, int running) {
    to.print(isInPlace ? ERASE : "");
    to.println("Stopping, " + reason + ": " + running + " trials are interrupted");
    this.running.clear();
  }

  @Override
  public synchronized void ended() {
    timer.shutdownNow();
    if (isInPlace) {
      to.print(ERASE);
    }
    to.println(line());
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }

  private void note(String what, PlannedTrial trial, String reason) {
    to.print(isInPlace ? ERASE : "");
    to.println(what + ": " + trial.title() + ": " + reason);
  }

  private void refresh() {
    if (isInPlace) {
      show();
    }
  }

  private synchronized void show() {
    if (!timer.isShutdown()) {
      to.print(isInPlace ? ERASE + line() : line() + System.lineSeparator());
      to.flush();
    }
  }

  private String line() {
    double elapsed = (System.nanoTime() - start) / 1e9;
    List<String> parts = new ArrayList<>();
    parts.add(ended + " of " + total + " trials");
    if (!running.isEmpty()) {
      parts.add(running.size() + " running");
    }
    if (unfinished > 0) {
      parts.add(unfinished + " not finished");
    }
    parts.add(DryRun.clock(elapsed));
    if (ended < total) {
      // Forecasts are wrong by a factor that shows once some trials are done.
      double left = ended < slots ? secondsLeft / slots : secondsLeft * elapsed / secondsDone;
      parts.add("about " + DryRun.clock(left) + " left");
    }
    return String.join(" · ", parts);
  }
}
