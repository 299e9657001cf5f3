/**
 * What to try next, and what to go on with: pure functions of what is known of earlier tries.
 *
 * <p>{@link org.peftsweep.search.Domain} is what may be tried, {@link
 * org.peftsweep.search.Strategy} says in which order, {@link org.peftsweep.search.StoppingRule} who
 * goes on at each rung of a {@link org.peftsweep.search.Ladder}. No decision depends on the order
 * in which results come, so each comes out the same whenever and wherever it is made. Read {@link
 * org.peftsweep.search.Contest} first.
 */
package org.peftsweep.search;
