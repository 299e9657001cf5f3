package org.peftsweep.cli;

import java.io.PrintStream;
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
  private Interrupts() {}

  static void tell(Stop stop, PrintStream err) {
    for (String signal : new String[] {"INT", "TERM"}) {
      Signals.register(
          signal,
          () -> {
            if (!stop.ask(signal.equals("INT") ? "Ctrl-C" : "told to end")) {
              err.println("Stopping now; checkpoints of running trials may be missing");
              // Not this thread: it handles the signals that shutdown may wait for.
              new Thread(() -> System.exit(ExitCode.FAULT), "stop").start();
            }
          });
    }
  }
}
