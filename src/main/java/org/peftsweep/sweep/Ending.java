package org.peftsweep.sweep;

import java.io.Serializable;
import java.util.ArrayList;
import org.peftsweep.search.Trace;
import org.peftsweep.train.Outcome.Status;

/**
 * How a trial's run ended, as its executor tells the driver; the row has the rest.
 *
 * @param reason one sentence, null if finished
 * @param seconds wall clock of the whole trial
 * @param readings of its curve so far; empty where only the row is known
 */
public record Ending(
    String id, Status status, String reason, double seconds, ArrayList<Trace.Reading> readings)
    implements Serializable {
  /** An ending of which no curve is at hand. */
  public Ending(String id, Status status, String reason, double seconds) {
    this(id, status, reason, seconds, new ArrayList<>());
  }
}
