/**
 * One trial on one device: data, model, method, optimizer, metrics.
 *
 * <p>A {@link org.peftsweep.spec.Trial} goes in, an {@link org.peftsweep.train.Outcome} comes out,
 * whatever happened. Knows nothing of Spark. Read {@code Trainer} first.
 */
package org.peftsweep.train;
