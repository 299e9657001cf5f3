package org.peftsweep.cli;

import java.util.Map;
import java.util.Stack;
import org.peftsweep.data.Shown;
import picocli.CommandLine.IParameterConsumer;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Takes {@code --set KEY=VALUE} into a map, each key once. */
final class Overrides implements IParameterConsumer {
  @Override
  @SuppressWarnings("JdkObsolete") // The interface asks for a stack.
  public void consumeParameters(Stack<String> left, ArgSpec option, CommandSpec command) {
    String text = left.isEmpty() ? "" : left.pop();
    int sign = text.indexOf('=');
    if (sign < 1) {
      throw new ParameterException(
          command.commandLine(),
          "Cannot use --set "
              + (text.isBlank() ? "without a value" : Shown.of(text))
              + ": give a key and a value, such as training.epochs=3");
    }
    Map<String, String> all = option.getValue();
    String key = text.substring(0, sign);
    if (all.putIfAbsent(key, text.substring(sign + 1)) != null) {
      throw new ParameterException(
          command.commandLine(), "Cannot use --set " + Shown.of(key) + " twice: leave one out");
    }
  }
}
