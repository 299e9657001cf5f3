/**
 * The commands, one class each. Standard output carries the product, standard error progress and
 * faults.
 *
 * <p>Exit codes: 0 all trials finished, 1 fault of the program or a machine, 2 input that cannot be
 * used, 3 some trials did not finish. Read {@link org.peftsweep.cli.Main} first.
 */
package org.peftsweep.cli;
