package org.peftsweep.compute;

/** The JVM or the machine lacks what a backend's kernels need. */
public final class BackendUnavailableException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  public BackendUnavailableException(String message) {
    super(message);
  }
}
