package org.peftsweep.checkpoint;

import java.nio.file.Path;
import org.peftsweep.data.LocalFile;

/** Refuses places where no file is that can be read, and says what is there instead. */
final class PresentFile {
  private PresentFile() {}

  /**
   * Refuses what is no file.
   *
   * @throws CheckpointException saying what is there
   */
  static void require(Path file) {
    require(file, "");
  }

  /**
   * Refuses what is no file, that an index of shards names.
   *
   * @throws CheckpointException saying what is there, and which index
   */
  static void requireShard(Path file, Path index) {
    require(file, ", which " + index.getFileName() + " names");
  }

  private static void require(Path file, String relation) {
    LocalFile.fault(file)
        .ifPresent(
            fault -> {
              throw new CheckpointException("Cannot open " + file + relation + ": " + fault);
            });
  }
}
