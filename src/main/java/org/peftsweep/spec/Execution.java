package org.peftsweep.spec;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.peftsweep.compute.Backends;
import org.peftsweep.compute.BlasLibrary;
import org.peftsweep.method.Settings;

/**
 * What a sweep runs on. No part of a trial: results agree to rounding whatever it says, and each
 * row records what it ran on.
 *
 * @param backend one of {@link #BACKENDS}
 * @param threads that one trial computes with
 * @param keepMebibytes size of a finished trial's trained tensors up to which they are kept for
 *     export, in MiB; 0 for never
 * @param memoryMebibytes off-heap memory of an executor for its trials, in MiB; 0 for what its
 *     machine has beside the heap
 * @param timeLimitMinutes wall clock of one trial, 0 for none
 * @param checkpointMinutes wall clock between two states kept of a trial, 0 for none
 * @param pack trials that share passes over their base
 * @param cache what trials keep for each other of their passes
 * @param cacheMebibytes off-heap memory of an executor for that, in MiB
 * @param blas what multiplies matrices of 32-bit floats on the backend cpu
 */
public record Execution(
    String backend,
    int threads,
    int keepMebibytes,
    int memoryMebibytes,
    double timeLimitMinutes,
    double checkpointMinutes,
    Packing pack,
    Caching cache,
    int cacheMebibytes,
    BlasLibrary blas) {
  private static final double MOST_MINUTES = 1_000_000;

  /** Names of the backends that a sweep file may ask for. */
  public static final List<String> BACKENDS = Backends.names();

  public Execution {
    if (!BACKENDS.contains(backend)) {
      throw new IllegalArgumentException(
          "Cannot use backend = " + backend + ": choose " + String.join(" or ", BACKENDS));
    }
    Settings.between("threads", threads, 1, 1_024);
    Settings.between("keep-mebibytes", keepMebibytes, 0, 1 << 20);
    Settings.between("memory-mebibytes", memoryMebibytes, 0, 1 << 24);
    Settings.between("time-limit-minutes", timeLimitMinutes, 0.0, MOST_MINUTES);
    Settings.between("checkpoint-minutes", checkpointMinutes, 0.0, MOST_MINUTES);
    Objects.requireNonNull(pack, "pack");
    Objects.requireNonNull(cache, "cache");
    Settings.between("cache-mebibytes", cacheMebibytes, 1, 1 << 24);
    Objects.requireNonNull(blas, "blas");
  }

  /** Returns {@link #memoryMebibytes} in bytes. */
  public long memoryBytes() {
    return (long) memoryMebibytes << 20;
  }

  /** Returns {@link #cacheMebibytes} in bytes; 0 for no cache. */
  public long cacheBytes() {
    return cache == Caching.OFF ? 0 : (long) cacheMebibytes << 20;
  }

  /** Returns {@link #timeLimitMinutes}; zero for none. */
  public Duration timeLimit() {
    return minutes(timeLimitMinutes);
  }

  /** Returns {@link #checkpointMinutes}; zero for none. */
  public Duration checkpointEvery() {
    return minutes(checkpointMinutes);
  }

  private static Duration minutes(double minutes) {
    return Duration.ofMillis((long) Math.ceil(minutes * 60_000));
  }
}
