package org.peftsweep.data;

/** A data or tokenizer file cannot be used; the message names the file and, if any, the line. */
public final class DataException extends RuntimeException {

  private static final long serialVersionUID = 1;

  public DataException(String message) {
    super(Shown.sentence(message));
  }

  public DataException(String message, Throwable cause) {
    super(Shown.sentence(message), cause);
  }
}
