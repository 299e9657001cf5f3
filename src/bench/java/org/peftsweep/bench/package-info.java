/**
 * Times a training step of this engine beside other engines that do the same arithmetic.
 *
 * <p>{@link org.peftsweep.bench.Bench} starts a process for each contender and lets them step by
 * turns; {@link org.peftsweep.bench.Worker} is such a process. All contenders draw equal weights by
 * name from {@link org.peftsweep.bench.Draws}, and a run whose losses differ fails.
 */
package org.peftsweep.bench;
