/**
 * What the tables say, for people: reads {@code trials} through Spark SQL and prints Markdown or
 * plain text.
 *
 * <p>All that is printed is computed from stored rows. Read {@link
 * org.peftsweep.report.BenchmarkTable} first.
 */
package org.peftsweep.report;
