package org.peftsweep.sweep;

import java.io.Serializable;
import org.peftsweep.train.Outcome.Status;

/**
 * How a trial's run ended, as its executor tells the driver; the row has the rest.
 *
 * @param reason one sentence, null if finished
 * @param seconds wall clock of the whole trial
 */
public record Ending(String id, Status status, String reason, double seconds)
    implements Serializable {}
