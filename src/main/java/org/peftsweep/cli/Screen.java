package org.peftsweep.cli;

import java.io.PrintStream;
import java.util.List;

/**
 * The lowest lines of a terminal, drawn over again and again. Long lines are cut by the terminal
 * itself, so that its width need not be known.
 */
final class Screen {
  private static final String ERASE_BELOW = "\u001b[J";
  private static final String WRAP_OFF = "\u001b[?7l";
  private static final String WRAP_ON = "\u001b[?7h";

  private final PrintStream to;
  private int drawn;

  Screen(PrintStream to) {
    this.to = to;
  }

  /** Draws these lines in place of those drawn before. */
  void draw(List<String> lines) {
    to.print(back() + WRAP_OFF + String.join("\n", lines) + WRAP_ON);
    to.flush();
    drawn = lines.size();
  }

  /** Erases what was drawn, so that other text can follow. */
  void erase() {
    to.print(back());
    to.flush();
    drawn = 0;
  }

  private String back() {
    return drawn == 0 ? "" : "\r" + (drawn > 1 ? "\u001b[" + (drawn - 1) + "A" : "") + ERASE_BELOW;
  }
}
