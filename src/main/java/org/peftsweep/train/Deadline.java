package org.peftsweep.train;

import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;

/**
 * The wall-clock limit of the trial that the calling thread runs. Kernels are stopped by asking at
 * every step; what waits or reads is interrupted.
 */
final class Deadline implements AutoCloseable {
  /** A trial took longer than it may. */
  static final class PassedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    PassedException(double seconds, Duration limit) {
      super(
          String.format(
              Locale.ROOT, "Took %.1f s, the limit is %.1f s", seconds, limit.toMillis() / 1e3));
    }
  }

  private static final ScheduledThreadPoolExecutor ALARMS = alarms();

  private final Duration limit;
  private final Thread thread = Thread.currentThread();
  private double before;
  private long start;
  private boolean isRunning;
  private boolean rang;
  private Future<?> alarm;

  /** Starts to count; a limit of zero is none. */
  Deadline(Duration limit) {
    this.limit = limit;
    resume();
  }

  /** Returns the seconds counted so far. */
  synchronized double seconds() {
    return before + (isRunning ? (System.nanoTime() - start) / 1e9 : 0);
  }

  boolean hasPassed() {
    return !limit.isZero() && seconds() * 1e9 >= limit.toNanos();
  }

  /**
   * Goes on only in time.
   *
   * @throws PassedException if the limit has passed
   */
  void require() {
    if (hasPassed()) {
      throw new PassedException(seconds(), limit);
    }
  }

  /** Counts time that was spent before. */
  synchronized void add(double seconds) {
    pause();
    before += seconds;
    resume();
  }

  /** Runs a pass, and counts of its time only what a lane's share of it grows by, in seconds. */
  void during(Runnable pass, DoubleSupplier share) {
    double before = share.getAsDouble();
    pause();
    try {
      pass.run();
    } finally {
      add(share.getAsDouble() - before);
    }
  }

  synchronized void pause() {
    before = seconds();
    isRunning = false;
    if (alarm != null) {
      alarm.cancel(false);
    }
  }

  synchronized void resume() {
    start = System.nanoTime();
    isRunning = true;
    if (!limit.isZero()) {
      long left = Math.max(0, limit.toNanos() - (long) (before * 1e9));
      alarm = ALARMS.schedule(this::ring, left, TimeUnit.NANOSECONDS);
    }
  }

  private synchronized void ring() {
    if (isRunning) {
      rang = true;
      thread.interrupt();
    }
  }

  /** Ends the count and takes the interruption back. */
  @Override
  public synchronized void close() {
    pause();
    if (rang) {
      Thread.interrupted();
    }
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "Took more than %.1f s", limit.toMillis() / 1e3);
  }

  private static ScheduledThreadPoolExecutor alarms() {
    ScheduledThreadPoolExecutor alarms =
        new ScheduledThreadPoolExecutor(
            1,
            work -> {
              Thread thread = new Thread(work, "trial-deadlines");
              thread.setDaemon(true);
              return thread;
            });
    alarms.setRemoveOnCancelPolicy(true);
    return alarms;
  }
}
