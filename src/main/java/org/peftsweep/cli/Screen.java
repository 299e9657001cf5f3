package org.peftsweep.cli;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The lowest lines of a terminal, drawn over again and again. Long lines are cut by the terminal
 * itself, so that its width need not be known.
 */
final class Screen implements AutoCloseable {
  private static final String ERASE_BELOW = "\u001b[J";
  private static final String WRAP_OFF = "\u001b[?7l";
  private static final String WRAP_ON = "\u001b[?7h";

  private final PrintStream to;
  private final PrintStream standardError = System.err;
  private int drawn;

  Screen(PrintStream to) {
    this.to = to;
  }

  /**
   * Lets what others write to standard error, such as the log, stand above the lines that are
   * drawn, until {@link #close}.
   */
  void guard() {
    System.setErr(new PrintStream(new Above(), true, StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    System.setErr(standardError);
  }

  /** Passes on whole lines, after the drawn ones are erased. */
  private final class Above extends OutputStream {
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    @Override
    public synchronized void write(int b) {
      line.write(b);
      if (b == '\n') {
        synchronized (Screen.this) {
          erase();
          to.print(line.toString(StandardCharsets.UTF_8));
          to.flush();
        }
        line.reset();
      }
    }
  }

  /** Draws these lines in place of those drawn before. */
  synchronized void draw(List<String> lines) {
    to.print(back() + WRAP_OFF + String.join("\n", lines) + WRAP_ON);
    to.flush();
    drawn = lines.size();
  }

  /** Erases what was drawn, so that other text can follow. */
  synchronized void erase() {
    to.print(back());
    to.flush();
    drawn = 0;
  }

  private String back() {
    return drawn == 0 ? "" : "\r" + (drawn > 1 ? "\u001b[" + (drawn - 1) + "A" : "") + ERASE_BELOW;
  }
}
