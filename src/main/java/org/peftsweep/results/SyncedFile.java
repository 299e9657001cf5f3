package org.peftsweep.results;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.StreamCapabilities;
import org.apache.parquet.hadoop.util.HadoopOutputFile;
import org.apache.parquet.hadoop.util.HadoopStreams;
import org.apache.parquet.io.DelegatingPositionOutputStream;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.PositionOutputStream;

/** A file that is on the disk once it is closed: a loss of power after that does not empty it. */
final class SyncedFile implements OutputFile {
  private final Path path;
  private final Configuration configuration;
  private final OutputFile file;

  SyncedFile(Path path, Configuration configuration) throws IOException {
    this.path = path;
    this.configuration = configuration;
    this.file = HadoopOutputFile.fromPath(path, configuration);
  }

  @Override
  public PositionOutputStream create(long blockSizeHint) throws IOException {
    return open(false);
  }

  @Override
  public PositionOutputStream createOrOverwrite(long blockSizeHint) throws IOException {
    return open(true);
  }

  @Override
  public boolean supportsBlockSize() {
    return file.supportsBlockSize();
  }

  @Override
  public long defaultBlockSize() {
    return file.defaultBlockSize();
  }

  @Override
  public String getPath() {
    return path.toString();
  }

  private PositionOutputStream open(boolean overwrites) throws IOException {
    FSDataOutputStream out = path.getFileSystem(configuration).create(path, overwrites);
    PositionOutputStream stream = HadoopStreams.wrap(out);
    return new DelegatingPositionOutputStream(stream) {
      @Override
      public long getPos() throws IOException {
        return stream.getPos();
      }

      @Override
      public void close() throws IOException {
        try (stream) {
          sync(out);
        }
      }
    };
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
    if (ResultFolder.isLocal(files)) {
      // A folder can be opened for reading only, and a file may be forced through that too.
      try (FileChannel channel =
          FileChannel.open(
              java.nio.file.Path.of(path.toUri().getPath()), StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }
}
