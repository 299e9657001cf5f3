package org.peftsweep.sweep;

import com.fasterxml.jackson.core.JacksonException;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import org.apache.commons.lang3.exception.ExceptionUtils;

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

  private MachineFaults() {}

  /** Whether the failure comes from an I/O fault that may pass. */
  static boolean contain(Throwable failure) {
    return ExceptionUtils.getThrowableList(failure).stream()
        .anyMatch(
            cause ->
                cause instanceof IOException
                    && LASTING.stream().noneMatch(kind -> kind.isInstance(cause)));
  }
}
