package org.peftsweep.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.peftsweep.data.FileFaults;

/** Writes a file under a temporary name and then renames it, so that nobody ever sees a part. */
final class WholeFile {
  private WholeFile() {}

  /** What fills the file. */
  interface Content {
    void write(FileChannel channel) throws IOException;
  }

  static void write(Path target, Content content) {
    Path absolute = target.toAbsolutePath();
    Path part = absolute.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID());
    try {
      Files.createDirectories(absolute.getParent());
      try (FileChannel channel =
          FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        content.write(channel);
        channel.force(true);
      }
      Files.move(part, absolute, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw FileFaults.cannot("write", target, e);
    } finally {
      part.toFile().delete();
    }
  }
}
