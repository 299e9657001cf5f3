package org.peftsweep.sweep;

import com.fasterxml.jackson.core.JacksonException;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.apache.hadoop.fs.Path;
import org.peftsweep.data.FileFaults;

/** Tells faults of disks and networks, which another try may not meet, from those of a trial. */
final class MachineFaults {
  /** A file that is missing, locked or broken will be so again. */
  private static final List<Class<? extends IOException>> LASTING =
      List.of(
          FileNotFoundException.class,
          NoSuchFileException.class,
          AccessDeniedException.class,
          EOFException.class,
          CharacterCodingException.class,
          JacksonException.class);

  private static final Pattern FULL = Pattern.compile("Cannot .*: " + FileFaults.FULL);

  private MachineFaults() {}

  /** Whether the failure comes from an I/O fault that may pass. */
  static boolean contain(Throwable failure) {
    // Java opens a new file on a full disk with the exception of one that is missing.
    return FileFaults.isFull(failure)
        || ExceptionUtils.getThrowableList(failure).stream()
            .anyMatch(
                cause ->
                    cause instanceof IOException
                        && LASTING.stream().noneMatch(kind -> kind.isInstance(cause)));
  }

  /**
   * Returns the sentence in which a fault says that there is no space left in a folder, where it
   * does; also where Spark passed on its text alone.
   */
  static Optional<String> full(Throwable fault, Path folder) {
    return ExceptionUtils.getThrowableList(fault).stream()
        .flatMap(cause -> FULL.matcher(String.valueOf(cause.getMessage())).results())
        .map(sentence -> sentence.group())
        .filter(sentence -> sentence.contains(folder.toString()))
        .findFirst();
  }
}
