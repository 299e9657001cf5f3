package org.peftsweep.cli;

import java.io.PrintStream;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Prints what lets a shell complete the options of the scripts in {@code jobs}. */
@Command(
    name = "completion",
    description = "Prints completion of the scripts in jobs for bash and zsh.",
    mixinStandardHelpOptions = true)
final class CompletionCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  private final PrintStream out;

  CompletionCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    // A shell looks a command up by its name without the folder too.
    for (Map.Entry<String, CommandLine> command : spec.parent().subcommands().entrySet()) {
      out.println(AutoComplete.bash(command.getKey() + ".sh", command.getValue()));
    }
    return 0;
  }
}
