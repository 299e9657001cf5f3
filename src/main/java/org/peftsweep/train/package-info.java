/**
 * One training on one device: data, model, objective, method, optimizer, metrics.
 *
 * <p>A {@link org.peftsweep.spec.Trial} goes in, an {@link org.peftsweep.train.Outcome} comes out,
 * whatever happened; or texts go in and a pretrained model comes out. {@code Trainer} is the one
 * loop, {@code Objective} all that it does not know of what is learned. Knows nothing of Spark.
 * Read {@code Trainer} first.
 */
package org.peftsweep.train;
