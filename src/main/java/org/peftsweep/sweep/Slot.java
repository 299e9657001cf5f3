package org.peftsweep.sweep;

import java.util.function.BooleanSupplier;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.peftsweep.train.TensorSink;

/**
 * Where Spark runs a trial, and what it finds there.
 *
 * @param executor Spark's id of the executor, {@code driver} in local mode
 * @param gpuAddress which Spark reserved for this task alone, null where none was asked for
 * @param files how the driver reaches Hadoop's file systems, credentials included
 * @param sink takes the trained tensors of a trial that finishes
 * @param checkpoints folder for states of this trial, from which another attempt goes on
 * @param isStopped whether Spark wants the trial to stop
 * @param until part of its steps that the trial is to go to
 */
public record Slot(
    String executor,
    String gpuAddress,
    Configuration files,
    TensorSink sink,
    Path checkpoints,
    BooleanSupplier isStopped,
    double until) {}
