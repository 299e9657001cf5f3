package org.peftsweep.sweep;

import org.peftsweep.spec.Trial;

/**
 * A trial that has to run.
 *
 * @param title within its sweep
 * @param attempt counted from 1
 * @param seconds estimated wall clock on one slot
 */
public record PlannedTrial(Trial trial, String id, String title, int attempt, double seconds) {}
