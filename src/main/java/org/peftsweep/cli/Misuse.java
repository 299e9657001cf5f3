package org.peftsweep.cli;

import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import org.peftsweep.data.Shown;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.OverwrittenOptionException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Says what is wrong with the words behind a command, and how it is to be called. */
final class Misuse {
  private Misuse() {}

  /** Prints a sentence and the command's usage; returns the exit code. */
  static int tell(ParameterException fault) {
    CommandLine command = fault.getCommandLine();
    PrintWriter err = command.getErr();
    err.println(Shown.sentences(sentence(fault, command)));
    command.usage(err);
    return ExitCode.BAD_INPUT;
  }

  private static String sentence(ParameterException fault, CommandLine command) {
    String name = command.getCommandSpec().qualifiedName();
    if (fault instanceof UnmatchedArgumentException unmatched) {
      return unmatched(unmatched, name, !command.getSubcommands().isEmpty());
    }
    if (fault instanceof OverwrittenOptionException twice) {
      return "Cannot use " + name(twice.getOverwritten()) + " twice: leave one out";
    }
    if (fault instanceof MissingParameterException missing) {
      return missing(missing.getMissing(), name);
    }
    ArgSpec argument = fault.getArgSpec();
    if (argument != null && fault.getValue() != null) {
      return "Cannot use "
          + name(argument)
          + " = "
          + Shown.value(fault.getValue())
          + ": "
          + instead(argument, fault.getValue());
    }
    String message = String.valueOf(fault.getMessage());
    return message.startsWith("Cannot ")
        ? message
        : "Cannot run " + name + " with these words: call it as follows";
  }

  private static String unmatched(
      UnmatchedArgumentException fault, String name, boolean hasCommands) {
    String first = fault.getUnmatched().get(0);
    String what = first.startsWith("-") ? "option" : hasCommands ? "command" : null;
    List<String> near = fault.getSuggestions();
    String remedy =
        near.isEmpty() ? "see below for what there is" : "did you mean " + Shown.choice(near);
    return what == null
        ? "Cannot use "
            + Shown.of(first)
            + ": "
            + name
            + " takes no more, put quotes around what has blanks or leave it out"
        : "Cannot use " + Shown.of(first) + ": " + name + " has no such " + what + ", " + remedy;
  }

  private static String missing(Collection<ArgSpec> missing, String name) {
    ArgSpec first = missing.iterator().next();
    if (first.isOption()) {
      return "Cannot use " + name(first) + " without a value: " + instead(first, "");
    }
    String all = missing.stream().map(ArgSpec::paramLabel).collect(Collectors.joining(" and "));
    return "Cannot run "
        + name
        + " without "
        + all
        + ": give "
        + (missing.size() == 1 ? "it" : "them");
  }

  private static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
  }

  private static String instead(ArgSpec argument, String value) {
    Class<?> type = argument.auxiliaryTypes()[0];
    if (type.isEnum()) {
      return "choose "
          + Shown.choice(Arrays.stream(type.getEnumConstants()).map(String::valueOf).toList());
    }
    if (type == boolean.class) {
      return "leave the value out";
    }
    if (type == int.class || type == Integer.class) {
      return wholeNumber(value, Integer.MAX_VALUE);
    }
    if (type == long.class || type == Long.class) {
      return wholeNumber(value, Long.MAX_VALUE);
    }
    return type == double.class || type == Double.class
        ? "give a number"
        : "give " + argument.paramLabel();
  }

  private static String wholeNumber(String value, long most) {
    return "give a whole number" + (value.matches("[0-9]+") ? " of at most " + most : "");
  }
}
