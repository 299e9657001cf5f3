/**
 * Statistics of scores: arrays of numbers in, estimates with their uncertainty out.
 *
 * <p>Nothing here knows tables or Spark, and nothing is random: every resampling draws from a seed
 * that its caller names, so the same numbers give the same answer. Read {@link
 * org.peftsweep.stats.MeanTest} first.
 */
package org.peftsweep.stats;
