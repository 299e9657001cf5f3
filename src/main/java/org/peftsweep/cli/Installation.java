package org.peftsweep.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Where the program is installed, which its scripts say, and how its scripts are called from here.
 */
final class Installation {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9@%+=:,./_-]+");

  private Installation() {}

  /** Returns the folder that holds jobs and output; empty where no script started the program. */
  static Optional<Path> home() {
    return Optional.ofNullable(System.getenv("PEFT_SWEEP_HOME")).map(Path::of);
  }

  /** Returns the folder of results where none is given. */
  static String output() {
    return home().map(home -> home.resolve("output").toString()).orElse("output");
  }

  /** Returns how a shell in the present folder calls a script of {@code jobs}. */
  static String script(String name) {
    return script(name, home());
  }

  static String script(String name, Optional<Path> home) {
    Path script = Path.of("jobs", name + ".sh");
    boolean isHere = home.isEmpty() || isHere(home.get());
    return word((isHere ? script : home.get().resolve(script)).toString());
  }

  private static boolean isHere(Path folder) {
    try {
      return Files.isSameFile(folder, Path.of("."));
    } catch (IOException e) {
      return false;
    }
  }

  /** Returns a text as one word of a POSIX shell. */
  static String word(String text) {
    return PLAIN.matcher(text).matches() ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
