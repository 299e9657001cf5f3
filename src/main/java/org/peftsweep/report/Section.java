package org.peftsweep.report;

/**
 * A part of a report: a table, what it says, and where its numbers come from.
 *
 * @param id short name, unique within a report
 * @param note how to read it: what was measured, computed and left out
 * @param source Spark SQL over the views of {@code jobs/query.sh} that returns the rows behind it
 * @param rows number of these rows
 */
public record Section(
    String id, String title, String note, TextTable table, String source, long rows) {}
