package org.peftsweep.cli;

import java.io.PrintStream;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.peftsweep.results.Table;
import org.peftsweep.results.Tables;
import picocli.CommandLine.Command;

/** Prints the columns of the result tables as Markdown, from which the documentation is made. */
@Command(
    name = "schema",
    description = "Prints the columns of the result tables as Markdown.",
    mixinStandardHelpOptions = true)
final class SchemaCommand implements Callable<Integer> {
  private final PrintStream out;

  SchemaCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    out.print(Tables.all().stream().map(Table::markdown).collect(Collectors.joining("\n")));
    return 0;
  }
}
