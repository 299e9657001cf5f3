package org.peftsweep.sweep;

import org.apache.hadoop.conf.Configuration;
import org.peftsweep.train.Keeper;

/**
 * Where Spark runs a trial.
 *
 * @param executor Spark's id of the executor, {@code driver} in local mode
 * @param gpuAddress which Spark reserved for this task alone, null where none was asked for
 * @param files how the driver reaches Hadoop's file systems, credentials included
 * @param keeper takes the trained tensors of a trial that finishes
 */
public record Slot(String executor, String gpuAddress, Configuration files, Keeper keeper) {}
