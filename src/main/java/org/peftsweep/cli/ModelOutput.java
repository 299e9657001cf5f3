package org.peftsweep.cli;

import java.nio.file.Path;
import org.peftsweep.spec.Locations;
import picocli.CommandLine.Option;

/** The option that says where a model's folder is written. */
final class ModelOutput {
  private static final String OPTION = "--output";

  @Option(
      names = OPTION,
      paramLabel = "DIR",
      description = "Folder of the model; output/models/<name> of the installation unless given.")
  private String given;

  /** Returns the folder of the model of a name. */
  Path folder(String name, Locations locations) {
    return given == null
        ? Path.of(Installation.output(), "models", name)
        : locations.localFolder(OPTION, given);
  }
}
