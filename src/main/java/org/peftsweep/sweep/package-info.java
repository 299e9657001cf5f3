/**
 * The driver side of a sweep: plan, schedule, collect.
 *
 * <p>{@link org.peftsweep.sweep.Plan} says what has to run; the scheduler hands it to Spark, one
 * job each, longest first; an executor runs {@link org.peftsweep.sweep.TrialTask} and publishes the
 * row itself. A trial that fails is a row too and never stops the sweep; one that loses its machine
 * is tried again. Read {@link org.peftsweep.sweep.SweepRunner} first.
 */
package org.peftsweep.sweep;
