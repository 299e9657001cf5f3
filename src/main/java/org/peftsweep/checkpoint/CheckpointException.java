package org.peftsweep.checkpoint;

import org.peftsweep.data.Shown;

/** A checkpoint file cannot be used as it is; the message is one sentence with path and reason. */
public final class CheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public CheckpointException(String message) {
    super(Shown.sentence(message));
  }

  public CheckpointException(String message, Throwable cause) {
    super(Shown.sentence(message), cause);
  }
}
