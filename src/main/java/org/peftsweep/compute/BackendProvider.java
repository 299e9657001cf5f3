package org.peftsweep.compute;

import java.util.Optional;

/** Opens one kind of backend; found by {@link java.util.ServiceLoader}. */
public interface BackendProvider {
  /** Returns the name by which settings choose it. */
  String name();

  /** Whether it has products with factors of a number format, on processors that have them. */
  default boolean multipliesIn(ElementType factors) {
    return factors == ElementType.F32;
  }

  /** Returns why this machine has no products of such factors; empty where it has. */
  default Optional<String> refusal(ElementType factors) {
    return multipliesIn(factors)
        ? Optional.empty()
        : Optional.of("Cannot compute products in " + factors + " on " + name());
  }

  /**
   * Opens a backend.
   *
   * @param threads processor threads of its kernels, at least 1
   * @param blas what multiplies matrices, where it has a choice
   * @throws BackendUnavailableException if this JVM cannot run it
   */
  Backend open(int threads, BlasLibrary blas);

  /**
   * Makes what computes and derives the steps of a tape in place of kernels; null where kernels do.
   *
   * @param backend one that it opened
   */
  default Graph graph(Backend backend) {
    return null;
  }

  /** Returns why this machine has no GPU for it; empty where it has, or needs none. */
  default Optional<String> lack() {
    return Optional.empty();
  }

  /** Whether it computes on GPUs. */
  default boolean usesGpus() {
    return false;
  }

  /**
   * Opens a backend on a GPU.
   *
   * @param gpu the address by which the machine knows it; the first where there is none, ignored
   *     unless {@link #usesGpus}
   * @throws BackendUnavailableException if this JVM cannot run it, or there is no such GPU
   */
  default Backend open(int threads, BlasLibrary blas, Optional<String> gpu) {
    return open(threads, blas);
  }
}
