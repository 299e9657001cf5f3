package org.peftsweep.cli;

import picocli.CommandLine.Option;

/** The option that says where the tables of all sweeps lie. */
final class OutputFolder {
  private static final String DEFAULT = "output";

  @Option(
      names = "--output",
      paramLabel = "DIR",
      defaultValue = DEFAULT,
      description = "Folder of all sweeps' tables, on any Hadoop file system; ${DEFAULT-VALUE}.")
  private String place;

  /** Returns the folder as it was given. */
  String place() {
    return place;
  }

  /** Returns what a command needs to be told to find the same folder, with a blank before it. */
  String option() {
    return place.equals(DEFAULT) ? "" : " --output " + place;
  }
}
