package org.peftsweep.compute;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntFunction;
import org.peftsweep.compute.cpu.CpuBackend;
import org.peftsweep.compute.cpu.VectorApiMissingException;
import org.peftsweep.compute.nd4j.Nd4jBackend;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The backends that settings may name. */
public final class Backends {
  /** From name to what opens it with a number of threads; a new backend is one line here. */
  private static final Map<String, IntFunction<Backend>> BY_NAME =
      new TreeMap<>(Map.of("cpu", Backends::openCpu, "nd4j", Nd4jBackend::new));

  private static final Logger LOG = LoggerFactory.getLogger(Backends.class);
  private static final AtomicBoolean WARNED = new AtomicBoolean();

  /** The name of the backend to compute on where settings name none. */
  public static final String DEFAULT = "cpu";

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

  /** Opens {@code cpu}; {@code nd4j}, with one warning, where the JVM lacks the Vector API. */
  private static Backend openCpu(int threads) {
    try {
      return new CpuBackend(threads);
    } catch (VectorApiMissingException e) {
      if (!WARNED.getAndSet(true)) {
        LOG.warn("{}; computing on nd4j, several times slower", e.getMessage());
      }
      return new Nd4jBackend(threads);
    }
  }
}
