package org.peftsweep.sweep;

import org.peftsweep.spec.Trial;

/**
 * A trial that has to run.
 *
 * @param attempt counted from 1
 * @param seconds estimated wall clock on one slot
 */
public record PlannedTrial(Trial trial, String id, int attempt, double seconds) {}
