package org.peftsweep.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A read-only mapping of a file of any size. One Java buffer ends at 2 GiB, so the file is mapped
 * in windows; each reaches {@link #OVERLAP} bytes into the next, so that an element that begins in
 * a window is wholly in it.
 */
final class MappedFile {
  static final long WINDOW_BYTES = 1L << 30;

  /** The widest element. */
  private static final int OVERLAP = Long.BYTES;

  private final long bytes;
  private final long windowBytes;
  private final List<ByteBuffer> windows;

  /** Maps the whole channel, which may be closed afterwards. */
  MappedFile(FileChannel channel, long fileBytes, long windowBytes) throws IOException {
    this.bytes = fileBytes;
    this.windowBytes = windowBytes;
    this.windows = new ArrayList<>();
    for (long start = 0; start < fileBytes; start += windowBytes) {
      long length = Math.min(windowBytes + OVERLAP, fileBytes - start);
      windows.add(
          channel.map(FileChannel.MapMode.READ_ONLY, start, length).order(ByteOrder.LITTLE_ENDIAN));
    }
  }

  /** Maps a file. */
  static MappedFile of(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path)) {
      return new MappedFile(channel, Files.size(path), WINDOW_BYTES);
    }
  }

  /** Length of the file. */
  long bytes() {
    return bytes;
  }

  /**
   * A little-endian view of the bytes from a position on: as many as wanted, or as the window still
   * holds, which is at least one element.
   */
  ByteBuffer view(long position, long wantedBytes) {
    ByteBuffer window = windows.get((int) (position / windowBytes));
    int start = (int) (position % windowBytes);
    int length = (int) Math.min(wantedBytes, window.limit() - start);
    return window.slice(start, length).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The element that begins at a position. */
  float element(long position, DType dtype) {
    return dtype.read(windows.get((int) (position / windowBytes)), (int) (position % windowBytes));
  }
}
