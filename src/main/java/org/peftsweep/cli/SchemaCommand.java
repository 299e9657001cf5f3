package org.peftsweep.cli;

import java.io.PrintStream;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.peftsweep.results.Table;
import org.peftsweep.results.Tables;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Prints the columns of the result tables as Markdown, from which the documentation is made, or as
 * SQL, which {@code conf/views.sql} begins with.
 */
@Command(
    name = "schema",
    description = "Prints the columns of the result tables as Markdown.",
    mixinStandardHelpOptions = true)
final class SchemaCommand implements Callable<Integer> {
  @Option(names = "--sql", description = "Print statements that read the tables' files.")
  private boolean isSql;

  private final PrintStream out;

  SchemaCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    Function<Table<?>, String> text = isSql ? Table::sql : Table::markdown;
    out.print(Tables.all().stream().map(text).collect(Collectors.joining("\n")));
    return 0;
  }
}
