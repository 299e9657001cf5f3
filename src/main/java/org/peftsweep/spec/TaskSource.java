package org.peftsweep.spec;

import org.peftsweep.data.Task;

/**
 * A task and where its examples come from.
 *
 * @param task labels, columns and metrics
 * @param location {@code builtin}, or the folder that holds the task's files
 * @param contentHash SHA-256 over the examples used
 * @param trainLimit number of training examples, 0 for all
 * @param validationFraction part of train set aside for selection, in [0, 1)
 * @param dataSeed of the draw of both
 */
public record TaskSource(
    Task task,
    String location,
    String contentHash,
    int trainLimit,
    double validationFraction,
    long dataSeed,
    boolean skipBadRows) {}
