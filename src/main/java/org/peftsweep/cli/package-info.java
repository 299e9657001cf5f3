/**
 * The commands, one class each. Standard output carries the product, standard error progress and
 * faults.
 *
 * <p>Exit codes: 0 all trials finished, 2 input that cannot be used, 3 all trials have a row but
 * some did not finish, 1 everything else: a fault of the program or a machine, a sweep or
 * pretraining that was stopped or that another driver runs, a replay that came out differently.
 * Read {@link org.peftsweep.cli.Main} first.
 */
package org.peftsweep.cli;
