package org.peftsweep.checkpoint;

import java.io.IOException;
import org.apache.hadoop.fs.FSError;

/** Makes an I/O fault of what Hadoop's local file system throws as an error: a full disk. */
public final class DiskFaults {
  private DiskFaults() {}

  /** What writes a file. */
  @FunctionalInterface
  public interface Writing {
    void run() throws IOException;
  }

  /** Writes; all that goes wrong with the disk is an {@link IOException}. */
  public static void checked(Writing writing) throws IOException {
    try {
      writing.run();
    } catch (FSError e) {
      throw new IOException(e.getCause().getMessage(), e);
    }
  }
}
