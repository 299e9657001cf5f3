package org.peftsweep.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jline.utils.Signals;
import org.peftsweep.sweep.Stop;

/**
 * Turns Ctrl-C, and the signal by which schedulers of machines end a process, into a wish to stop;
 * the second one ends the program at once.
 *
 * <p>Spark's own {@code SignalUtils} leaves a signal that comes while another is handled to Java,
 * which ends with a status of its own.
 */
final class Interrupts {
  /**
   * Signals that come together are one: {@code timeout} and service managers tell a process and,
   * once more, its group.
   */
  static final Duration TOGETHER = Duration.ofMillis(500);

  private final Stop stop;
  private final Runnable end;
  private final LongSupplier clock;
  private final AtomicLong first;

  /**
   * @param end of the program
   * @param clock nanoseconds
   */
  Interrupts(Stop stop, Runnable end, LongSupplier clock) {
    this.stop = stop;
    this.end = end;
    this.clock = clock;
    this.first = new AtomicLong(clock.getAsLong() - TOGETHER.toNanos());
  }

  static void tell(Stop stop, PrintStream err) {
    Interrupts interrupts =
        new Interrupts(
            stop,
            () -> {
              err.println("Stopping now; checkpoints of running trials may be missing");
              // Not this thread: it handles the signals that shutdown may wait for.
              new Thread(() -> System.exit(ExitCode.FAULT), "stop").start();
            },
            System::nanoTime);
    Signals.register("INT", () -> interrupts.hear("Ctrl-C"));
    Signals.register("TERM", () -> interrupts.hear("told to end"));
  }

  /** Takes a signal. */
  void hear(String why) {
    if (stop.ask(why)) {
      first.set(clock.getAsLong());
    } else if (clock.getAsLong() - first.get() > TOGETHER.toNanos()) {
      end.run();
    }
  }
}
