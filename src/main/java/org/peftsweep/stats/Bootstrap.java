package org.peftsweep.stats;

/**
 * Resampling with replacement.
 *
 * @param replicates number of resamples, at least 1
 * @param seed of the draws
 */
public record Bootstrap(int replicates, long seed) {
  /** What reports use: ends of an interval are then stable to about a fiftieth of its width. */
  public static final Bootstrap STANDARD = new Bootstrap(2000, 0);

  public Bootstrap {
    if (replicates < 1) {
      throw new IllegalArgumentException(
          "Cannot resample " + replicates + " times: give at least 1");
    }
  }
}
