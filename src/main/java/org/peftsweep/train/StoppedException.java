package org.peftsweep.train;

/** A trial was asked to stop before its end; its state is kept where its limits say so. */
public final class StoppedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  StoppedException(String message) {
    super(message);
  }
}
