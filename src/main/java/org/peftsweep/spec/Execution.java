package org.peftsweep.spec;

import java.util.List;
import org.peftsweep.compute.Backends;
import org.peftsweep.method.Settings;

/**
 * What a sweep runs on. No part of a trial: results agree to rounding whatever it says, and each
 * row records what it ran on.
 *
 * @param backend one of {@link #BACKENDS}
 * @param threads that one trial computes with
 * @param keepMebibytes size of a finished trial's trained tensors up to which they are kept for
 *     export, in MiB; 0 for never
 */
public record Execution(String backend, int threads, int keepMebibytes) {
  /** Names of the backends that a sweep file may ask for. */
  public static final List<String> BACKENDS = Backends.names();

  public Execution {
    if (!BACKENDS.contains(backend)) {
      throw new IllegalArgumentException(
          "Cannot use backend = " + backend + ": choose " + String.join(" or ", BACKENDS));
    }
    Settings.atLeast("threads", threads, 1);
    Settings.atLeast("keep-mebibytes", keepMebibytes, 0);
  }
}
