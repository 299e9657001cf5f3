package org.peftsweep.sweep;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Collections;
import java.util.List;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Outcome.Status;

/** Turns what a trial threw into what its row says. */
final class Failures {
  private Failures() {}

  /** Makes the outcome of a trial that told nothing itself. */
  static Outcome outcome(Throwable failure) {
    return outcome(status(failure), reason(failure));
  }

  static Outcome outcome(Status status, String reason) {
    return new Outcome(
        status,
        reason,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        List.of(),
        List.of(),
        List.of(),
        Collections.emptySortedMap());
  }

  static String stackTrace(Throwable failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text));
    return text.toString();
  }

  private static Status status(Throwable failure) {
    if (failure instanceof OutOfMemoryError) {
      return Status.OOM;
    }
    return failure instanceof IllegalArgumentException ? Status.INVALID : Status.FAILED;
  }

  private static String reason(Throwable failure) {
    String kind = failure.getClass().getSimpleName();
    String message = failure.getMessage();
    if (message == null || message.isBlank()) {
      return kind;
    }
    String sentence = message.lines().findFirst().get();
    return status(failure) == Status.INVALID ? sentence : kind + ": " + sentence;
  }
}
