package org.peftsweep.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.data.DataException;
import org.peftsweep.data.Shown;
import org.peftsweep.results.HeldException;
import org.peftsweep.spec.SpecException;
import org.peftsweep.sweep.Engine;
import org.peftsweep.sweep.TrainerEngine;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The program: {@code peft-sweep <command>}; see the package for exit codes. */
@Command(
    name = "peft-sweep",
    description = "Finds out which way of fine-tuning a transformer is best.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
public final class Main {
  /** Faults that the user can mend, told in one sentence. */
  private static final List<Class<? extends Exception>> OF_INPUT =
      List.of(
          SpecException.class,
          DataException.class,
          CheckpointException.class,
          InputException.class);

  private Main() {}

  public static void main(String[] args) {
    // Java writes in the locale's encoding, which is ASCII in many containers.
    PrintStream out = utf8(FileDescriptor.out);
    PrintStream err = utf8(FileDescriptor.err);
    System.exit(run(new TrainerEngine(), out, err, args));
  }

  /**
   * Runs a command and returns its exit code.
   *
   * @param engine trains
   */
  public static int run(Engine engine, PrintStream out, PrintStream err, String... args) {
    CommandLine line =
        new CommandLine(new Main())
            .addSubcommand(new SweepCommand(engine, out, err))
            .addSubcommand(new ReplayCommand(engine, out, err))
            .addSubcommand(new QueryCommand(out, err))
            .addSubcommand(new WatchCommand(out))
            .addSubcommand(new SimulateCommand(out))
            .addSubcommand(new ReportCommand(out, err))
            .addSubcommand(new ExportCommand(out, err))
            .addSubcommand(new GenerateCommand(out))
            .addSubcommand(new PretrainCommand(out, err))
            .addSubcommand(new FetchCommand(out, err))
            .addSubcommand(new SchemaCommand(out))
            .addSubcommand(new DoctorCommand(out))
            .addSubcommand(new CompletionCommand(out));
    line.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
    line.setParameterExceptionHandler((fault, given) -> Misuse.tell(fault));
    line.setExecutionExceptionHandler((fault, command, parsed) -> failed(fault, err));
    return line.execute(args.length == 0 ? new String[] {"--help"} : args);
  }

  private static int failed(Exception fault, PrintStream err) {
    String message = Shown.sentences(String.valueOf(fault.getMessage()));
    if (OF_INPUT.stream().anyMatch(kind -> kind.isInstance(fault))) {
      err.println(message);
      return ExitCode.BAD_INPUT;
    }
    if (fault instanceof UncheckedIOException || fault instanceof HeldException) {
      err.println(message);
    } else {
      err.print(Shown.withoutPasswords(ExceptionUtils.getStackTrace(fault)));
    }
    return ExitCode.FAULT;
  }

  private static PrintStream utf8(FileDescriptor file) {
    return new PrintStream(new FileOutputStream(file), true, StandardCharsets.UTF_8);
  }
}
