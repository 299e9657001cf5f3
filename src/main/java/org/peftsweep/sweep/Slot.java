package org.peftsweep.sweep;

import java.io.Serializable;

/**
 * Where Spark runs a trial.
 *
 * @param executor Spark's id of the executor, {@code driver} in local mode
 * @param gpuAddress which Spark reserved for this task alone, null where none was asked for
 */
public record Slot(String executor, String gpuAddress) implements Serializable {}
