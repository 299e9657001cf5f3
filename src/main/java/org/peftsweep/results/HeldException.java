package org.peftsweep.results;

/** Another driver runs the sweep; the message says who. */
public final class HeldException extends RuntimeException {
  private static final long serialVersionUID = 1;

  HeldException(String message) {
    super(message);
  }
}
