package org.peftsweep.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;

/** What stands at a place on this machine's disk where a file is wanted. */
public final class LocalFile {
  private LocalFile() {}

  /** Whether anything is there, be it a link that leads nowhere. */
  public static boolean isThere(Path place) {
    return Files.exists(place, LinkOption.NOFOLLOW_LINKS);
  }

  /**
   * Refuses a place that cannot be read as a file.
   *
   * @throws DataException saying what stands there, and what to do
   */
  static void require(Path place) {
    fault(place)
        .ifPresent(
            fault -> {
              throw new DataException("Cannot read " + place + ": " + fault);
            });
  }

  /** Returns why a place cannot be read as a file, and what to do; empty where it can. */
  public static Optional<String> fault(Path place) {
    if (Files.isRegularFile(place)) {
      return Files.isReadable(place) ? Optional.empty() : Optional.of(FileFaults.DENIED);
    }
    if (Files.isDirectory(place)) {
      return Optional.of("it is a folder; supply a file of that name");
    }
    if (Files.isSymbolicLink(place) && !Files.exists(place)) {
      return Optional.of("it is a link to " + target(place) + ", where nothing is; fetch that");
    }
    return Optional.of(
        isThere(place)
            ? "it is no regular file; supply one of that name"
            : "there is no such file; supply it");
  }

  private static String target(Path link) {
    try {
      return Shown.of(Files.readSymbolicLink(link).toString());
    } catch (IOException e) {
      return "another place";
    }
  }
}
