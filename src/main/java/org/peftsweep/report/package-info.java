/**
 * What the tables say, for people: scores with their uncertainty, the paper's statements, costs.
 *
 * <p>All that is printed is computed from stored rows. {@link org.peftsweep.report.Report} makes
 * sections, each a table with its note and source; {@link org.peftsweep.report.Printed} prints them
 * in every format.
 */
package org.peftsweep.report;
