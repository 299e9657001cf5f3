package org.peftsweep.results;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.StreamCapabilities;

/** Brings files to the disk, so that a loss of power does not empty them. */
final class SyncedFile {
  private SyncedFile() {}

  static boolean isLocal(FileSystem files) {
    return files.getUri().getScheme().equals("file");
  }

  /** Brings what was written to the disk where the file system can do that. */
  static void sync(FSDataOutputStream out) throws IOException {
    if (out.hasCapability(StreamCapabilities.HSYNC)) {
      try {
        out.hsync();
      } catch (IOException e) {
        // HDFS throws the same object again when the stream is closed, and none suppresses itself.
        throw new IOException(e.getMessage(), e);
      }
    }
  }

  /** Brings a file or the names in a folder to the disk, on a local file system. */
  static void sync(Path path, FileSystem files) throws IOException {
    if (isLocal(files)) {
      // A folder can be opened for reading only, and a file may be forced through that too.
      try (FileChannel channel =
          FileChannel.open(
              java.nio.file.Path.of(path.toUri().getPath()), StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }
}
