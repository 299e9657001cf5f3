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

  /** A sentence of ours whose reason is that of a disk or of HDFS. */
  private static final Pattern FULL =
      Pattern.compile(
          "Cannot .*(No space left on device|[Dd]isk quota exceeded|quota of .* is exceeded).*");

  private MachineFaults() {}

  /** Whether the failure comes from an I/O fault that may pass. */
  static boolean contain(Throwable failure) {
    return ExceptionUtils.getThrowableList(failure).stream()
        .anyMatch(
            cause ->
                cause instanceof IOException
                    && (LASTING.stream().noneMatch(kind -> kind.isInstance(cause))
                        || isFull(cause)));
  }

  /** Java opens a new file on a full disk with the exception of one that is missing. */
  private static boolean isFull(Throwable cause) {
    return String.valueOf(cause.getMessage()).contains("No space left on device");
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
