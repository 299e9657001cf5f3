package org.peftsweep.results;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.hadoop.util.HadoopOutputFile;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.PositionOutputStream;

/**
 * A Parquet file that carries a checksum of all its other bytes, and is on the disk once it is
 * closed: a loss of power after that does not empty it.
 *
 * <p>Readers find what a Parquet file holds by its footer, which the last eight bytes lead to, and
 * pass over bytes that no footer speaks of. The seal is sixteen such bytes before the footer: a
 * word and the CRC-32C of the file without the seal.
 */
final class SealedFile implements OutputFile {
  /** Key of the footer's metadata that says that a file was written with a seal. */
  static final String KEY = "peftsweep.seal";

  /** What stands there. */
  static final String METHOD = "crc32c";

  private static final byte[] WORD = "PEFTSEAL".getBytes(StandardCharsets.US_ASCII);
  private static final int SEAL_BYTES = 16;

  /** The footer's length and the magic word behind it. */
  private static final int TAIL_BYTES = 8;

  /** How much of a file's end is held back; a footer is a few kilobytes long. */
  private static final int HELD_BYTES = 8 << 20;

  private final Path path;
  private final Configuration configuration;
  private final OutputFile file;

  SealedFile(Path path, Configuration configuration) throws IOException {
    this.path = path;
    this.configuration = configuration;
    this.file = HadoopOutputFile.fromPath(path, configuration);
  }

  @Override
  public PositionOutputStream create(long blockSizeHint) throws IOException {
    return new Sealing(path.getFileSystem(configuration).create(path, false));
  }

  @Override
  public PositionOutputStream createOrOverwrite(long blockSizeHint) throws IOException {
    return new Sealing(path.getFileSystem(configuration).create(path, true));
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

  /**
   * Reads a whole file and says whether its seal holds.
   *
   * @param length bytes of the file
   * @return false where it has no seal
   * @throws IOException if it cannot be read, or has a seal that does not hold
   */
  static boolean holds(FSDataInputStream in, long length) throws IOException {
    byte[] tail = new byte[TAIL_BYTES];
    in.readFully(length - TAIL_BYTES, tail);
    long seal = sealPosition(ByteBuffer.wrap(tail), length);
    byte[] found = new byte[SEAL_BYTES];
    if (seal >= 0) {
      in.readFully(seal, found);
    }
    boolean isSealed = seal >= 0 && Arrays.equals(found, 0, WORD.length, WORD, 0, WORD.length);
    CRC32C sum = new CRC32C();
    byte[] chunk = new byte[1 << 16];
    in.seek(0);
    for (long at = 0; at < length; ) {
      if (isSealed && at == seal) {
        at += SEAL_BYTES;
        in.seek(at);
      }
      long limit = isSealed && at < seal ? seal : length;
      int count = in.read(chunk, 0, (int) Math.min(chunk.length, limit - at));
      if (count < 0) {
        throw new EOFException();
      }
      sum.update(chunk, 0, count);
      at += count;
    }
    if (isSealed && !Arrays.equals(found, seal(sum))) {
      throw new IOException("The checksum does not hold");
    }
    return isSealed;
  }

  /** Returns where a seal would begin, or a negative number where there is no room for one. */
  private static long sealPosition(ByteBuffer tail, long length) {
    long footer = tail.order(ByteOrder.LITTLE_ENDIAN).getInt(tail.position()) & 0xffffffffL;
    return length - TAIL_BYTES - footer - SEAL_BYTES;
  }

  private static byte[] seal(CRC32C sum) {
    return ByteBuffer.allocate(SEAL_BYTES).put(WORD).putLong(sum.getValue()).array();
  }

  /** Holds the end of what is written back until the footer is known. */
  private static final class Sealing extends PositionOutputStream {
    private final FSDataOutputStream out;
    private final CRC32C sum = new CRC32C();
    private byte[] held = new byte[1 << 12];
    private int count;
    private long position;
    private boolean isClosed;

    Sealing(FSDataOutputStream out) {
      this.out = out;
    }

    @Override
    public long getPos() {
      return position;
    }

    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      if (count + (long) length > 2L * HELD_BYTES) {
        give(Math.max(0, count - HELD_BYTES));
      }
      if (length > held.length - count) {
        held = Arrays.copyOf(held, Math.max(count + length, 2 * held.length));
      }
      System.arraycopy(bytes, from, held, count, length);
      count += length;
      position += length;
    }

    @Override
    public void close() throws IOException {
      if (isClosed) {
        return;
      }
      isClosed = true;
      try (out) {
        seal();
        SyncedFile.sync(out);
      }
    }

    private void seal() throws IOException {
      int footer = -1;
      if (count >= TAIL_BYTES) {
        ByteBuffer tail = ByteBuffer.wrap(held, count - TAIL_BYTES, TAIL_BYTES);
        // Where the seal would end in what is held, were it there already.
        footer = (int) Math.max(-1, sealPosition(tail, count + (long) SEAL_BYTES));
      }
      if (footer < 0) {
        // A writer that failed closes its file half written.
        give(count);
        return;
      }
      give(footer);
      sum.update(held, 0, count);
      out.write(SealedFile.seal(sum));
      out.write(held, 0, count);
    }

    /** Writes the oldest bytes held. */
    private void give(int bytes) throws IOException {
      sum.update(held, 0, bytes);
      out.write(held, 0, bytes);
      System.arraycopy(held, bytes, held, 0, count - bytes);
      count -= bytes;
    }
  }
}
