package org.peftsweep.spec;

/**
 * A task of a sweep and how all methods train on it.
 *
 * @param source without a content hash: nothing was read so far
 */
public record TaskPlan(TaskSource source, Training training) {}
