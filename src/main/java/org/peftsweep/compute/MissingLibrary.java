package org.peftsweep.compute;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which of CUDA's libraries an error of the linker is about. Bindings whose library is missing name
 * it when they are first used; whoever uses them later, in any room, learns only that they failed.
 */
public final class MissingLibrary {
  private static final Pattern LIBRARY = Pattern.compile("\\blib(cu|nv)\\w*\\.so(\\.\\d+)*");

  /** The one named last in this process; null before any was. */
  private static final AtomicReference<String> LAST = new AtomicReference<>();

  private MissingLibrary() {}

  /**
   * Returns its file, such as {@code libcuda.so.1}.
   *
   * @return the one that the error names, or the last that another error named where bindings had
   *     failed before; empty where neither names one
   */
  public static Optional<String> of(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      Matcher library = LIBRARY.matcher(String.valueOf(cause.getMessage()));
      if (library.find()) {
        LAST.set(library.group());
        return Optional.of(library.group());
      }
    }
    return error instanceof NoClassDefFoundError
        ? Optional.ofNullable(LAST.get())
        : Optional.empty();
  }
}
