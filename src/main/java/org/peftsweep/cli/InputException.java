package org.peftsweep.cli;

/** A command cannot do what it was asked; the message says what to do instead. */
final class InputException extends RuntimeException {
  private static final long serialVersionUID = 1;

  InputException(String message) {
    super(message);
  }
}
