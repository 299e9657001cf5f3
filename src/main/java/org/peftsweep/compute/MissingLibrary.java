package org.peftsweep.compute;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which of CUDA's libraries an error of the linker is about. */
public final class MissingLibrary {
  private static final Pattern LIBRARY = Pattern.compile("\\blib(cu|nv)\\w*\\.so(\\.\\d+)*");

  private MissingLibrary() {}

  /** Returns its file, such as {@code libcuda.so.1}; empty where the error names none. */
  public static Optional<String> of(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      Matcher library = LIBRARY.matcher(String.valueOf(cause.getMessage()));
      if (library.find()) {
        return Optional.of(library.group());
      }
    }
    return Optional.empty();
  }
}
