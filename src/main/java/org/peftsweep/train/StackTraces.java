package org.peftsweep.train;

import java.io.PrintWriter;
import java.io.StringWriter;

/** Stack traces as text, for rows of failed trials. */
final class StackTraces {
  private StackTraces() {}

  static String of(Throwable fault) {
    StringWriter text = new StringWriter();
    fault.printStackTrace(new PrintWriter(text, true));
    return text.toString();
  }
}
