/**
 * The result tables: one list of columns a table makes its Parquet schema, writer, reader and
 * documentation.
 *
 * <p>A finished trial goes in through {@link org.peftsweep.results.ResultFolder}, which an executor
 * calls; {@link org.peftsweep.results.ResultTables} reads on the driver. A trial is visible whole
 * or not at all. {@link org.peftsweep.results.Lease} keeps a second driver off a folder, {@link
 * org.peftsweep.results.Compaction} merges small files. Read {@link org.peftsweep.results.Tables}
 * first.
 */
package org.peftsweep.results;
