package org.peftsweep.checkpoint;

/** A checkpoint file cannot be used as it is; the message is one sentence with path and reason. */
public final class CheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int QUOTED_CHARACTERS = 120;

  public CheckpointException(String message) {
    super(message);
  }

  public CheckpointException(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * Text from a foreign file, cut and without line breaks, so that a message stays one sentence.
   */
  static String quoted(String foreign) {
    String cut =
        foreign.length() <= QUOTED_CHARACTERS
            ? foreign
            : foreign.substring(0, QUOTED_CHARACTERS) + "...";
    return cut.replaceAll("\\p{Cntrl}", "?");
  }
}
