/**
 * The driver side of a sweep: plan, schedule, collect.
 *
 * <p>Trials that have no row yet go to Spark, one job each, longest first; an executor runs {@link
 * org.peftsweep.sweep.TrialTask} and publishes the row itself. A trial that fails is a row too and
 * never stops the sweep. Read {@link org.peftsweep.sweep.SweepRunner} first.
 */
package org.peftsweep.sweep;
