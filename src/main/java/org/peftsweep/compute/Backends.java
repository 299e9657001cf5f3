package org.peftsweep.compute;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import org.peftsweep.compute.nd4j.Nd4jBackend;

/** The backends that settings may name. */
public final class Backends {
  /** From name to what opens it with a number of threads; a new backend is one line here. */
  private static final Map<String, IntFunction<Backend>> BY_NAME =
      new TreeMap<>(Map.of("nd4j", Nd4jBackend::new));

  private Backends() {}

  /** Returns the names that {@link #open} takes, in alphabetical order. */
  public static List<String> names() {
    return List.copyOf(BY_NAME.keySet());
  }

  /**
   * Opens a backend.
   *
   * @param threads processor threads of its kernels, at least 1
   * @throws IllegalArgumentException if there is none of this name
   */
  public static Backend open(String name, int threads) {
    IntFunction<Backend> opener = BY_NAME.get(name);
    if (opener == null) {
      throw new IllegalArgumentException(
          "Cannot compute on " + name + ": choose one of " + names());
    }
    return opener.apply(threads);
  }
}
