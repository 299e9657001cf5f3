package org.peftsweep.compute;

/** Opens one kind of backend; found by {@link java.util.ServiceLoader}. */
public interface BackendProvider {
  /** Returns the name by which settings choose it. */
  String name();

  /**
   * Opens a backend.
   *
   * @param threads processor threads of its kernels, at least 1
   * @throws BackendUnavailableException if this JVM cannot run it
   */
  Backend open(int threads);
}
