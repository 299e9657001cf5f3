package org.peftsweep.checkpoint;

import com.fasterxml.jackson.databind.util.ByteBufferBackedInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32C;
import org.peftsweep.compute.BFloat16;
import org.peftsweep.data.FileFaults;

/**
 * A safetensors file, read through memory mapping: opening reads the header only, and a tensor's
 * bytes are touched when they are asked for. Floats of 16 bits are widened on the way. Safe for use
 * by many threads.
 *
 * <p>The file must not change while it is open. After {@link #close} the garbage collector gives
 * the mapping back.
 *
 * <p>Source: github.com/huggingface/safetensors, section "Format".
 */
public final class SafeTensors implements TensorFile {
  private static final byte[] LFS_POINTER =
      "version https://git-lfs".getBytes(StandardCharsets.US_ASCII);

  /** Key of the CRC-32C of all tensors' bytes, hexadecimal, in {@code __metadata__}. */
  static final String CHECKSUM = "data-crc32c";

  private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

  private final Path path;
  private final SafeTensorsHeader header;
  private final long dataStart;
  private volatile MappedFile file;

  private SafeTensors(Path path, SafeTensorsHeader header, long dataStart, MappedFile file) {
    this.path = path;
    this.header = header;
    this.dataStart = dataStart;
    this.file = file;
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws CheckpointException if it is missing or is not a whole, valid safetensors file
   * @throws UncheckedIOException if it cannot be read
   */
  public static SafeTensors open(Path path) {
    return open(path, MappedFile.WINDOW_BYTES);
  }

  static SafeTensors open(Path path, long windowBytes) {
    PresentFile.require(path);
    try (FileChannel channel = FileChannel.open(path)) {
      long fileBytes = channel.size();
      long headerBytes = headerBytes(channel, fileBytes);
      ByteBuffer json = channel.map(FileChannel.MapMode.READ_ONLY, Long.BYTES, headerBytes);
      if (headerBytes == 0 || json.get(0) != '{') {
        throw new SafeTensorsHeader.Fault("its header does not begin with {");
      }
      long dataStart = Long.BYTES + headerBytes;
      SafeTensorsHeader header =
          SafeTensorsHeader.parse(new ByteBufferBackedInputStream(json), fileBytes - dataStart);
      return new SafeTensors(
          path, header, dataStart, new MappedFile(channel, fileBytes, windowBytes));
    } catch (SafeTensorsHeader.Fault e) {
      throw new CheckpointException(
          "Cannot open " + path + " as safetensors: " + e.getMessage(), e);
    } catch (IOException e) {
      throw FileFaults.cannot("read", path, e);
    }
  }

  private static long headerBytes(FileChannel channel, long fileBytes)
      throws IOException, SafeTensorsHeader.Fault {
    ByteBuffer start = ByteBuffer.allocate(LFS_POINTER.length).order(ByteOrder.LITTLE_ENDIAN);
    while (start.hasRemaining() && channel.read(start) >= 0) {}
    start.flip();
    if (start.equals(ByteBuffer.wrap(LFS_POINTER))) {
      throw new SafeTensorsHeader.Fault(
          "it is a git-lfs pointer and not the file itself, fetch it with git lfs pull");
    }
    if (fileBytes < Long.BYTES) {
      throw new SafeTensorsHeader.Fault("it has only " + fileBytes + " bytes");
    }
    long headerBytes = start.getLong(0);
    if (Long.compareUnsigned(headerBytes, SafeTensorsHeader.MAX_BYTES) > 0) {
      throw new SafeTensorsHeader.Fault(
          "its header would have "
              + Long.toUnsignedString(headerBytes)
              + " bytes, more than the "
              + SafeTensorsHeader.MAX_BYTES
              + " that the format allows");
    }
    if (headerBytes > fileBytes - Long.BYTES) {
      throw new SafeTensorsHeader.Fault(
          "its header would have " + headerBytes + " bytes and the file has only " + fileBytes);
    }
    return headerBytes;
  }

  @Override
  public Path path() {
    return path;
  }

  /** All tensors by name, in the order of the header. */
  public Map<String, TensorInfo> tensors() {
    return Collections.unmodifiableMap(header.tensors());
  }

  @Override
  public Map<String, List<Long>> shapes() {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    header.tensors().forEach((name, info) -> shapes.put(name, info.shape()));
    return Collections.unmodifiableMap(shapes);
  }

  /** What the header says under {@code __metadata__}; empty if it says nothing. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /**
   * Reads all tensors' bytes where the file says what their checksum is; false if it is another
   * one.
   */
  public boolean isWhole() {
    String expected = header.metadata().get(CHECKSUM);
    if (expected == null) {
      return true;
    }
    long end = header.tensors().values().stream().mapToLong(TensorInfo::end).max().orElse(0);
    MappedFile mapped = requireOpen("the checksum");
    CRC32C sum = new CRC32C();
    for (long at = 0; at < end; ) {
      ByteBuffer bytes = mapped.view(dataStart + at, end - at);
      at += bytes.remaining();
      sum.update(bytes);
    }
    return Long.toHexString(sum.getValue()).equals(expected);
  }

  /**
   * The entry of one tensor.
   *
   * @throws CheckpointException if there is none of that name
   */
  public TensorInfo info(String name) {
    TensorInfo info = header.tensors().get(name);
    if (info == null) {
      throw missing(name);
    }
    return info;
  }

  @Override
  public boolean isFloat(String name) {
    return DType.FLOATS.contains(info(name).dtype());
  }

  @Override
  public void requireFloat(String name) {
    requireFloats(name);
  }

  @Override
  public FloatSource values(String name) {
    requireFloats(name);
    return (from, target) -> floats(name, from, target);
  }

  /**
   * Fills what remains of a buffer, which may be off-heap, with the elements of a tensor of {@link
   * DType#FLOATS} that begin at index {@code from} of its row-major order.
   *
   * @throws CheckpointException if the tensor is missing or of another type
   * @throws IndexOutOfBoundsException if it has fewer elements
   */
  public void floats(String name, long from, FloatBuffer target) {
    TensorInfo info = requireFloats(name);
    Objects.checkFromIndexSize(from, target.remaining(), info.elements());
    int width = info.dtype().bytes();
    MappedFile mapped = requireOpen(name);
    long position = dataStart + info.begin() + from * width;
    while (target.hasRemaining()) {
      ByteBuffer bytes = mapped.view(position, (long) target.remaining() * width);
      int count = bytes.remaining() / width;
      copy(info.dtype(), bytes, count, target);
      position += (long) count * width;
    }
  }

  /** As {@link #floats(String, long, FloatBuffer)}, for a part of an array. */
  public void floats(String name, long from, float[] target, int offset, int count) {
    floats(name, from, FloatBuffer.wrap(target, offset, count));
  }

  /**
   * A whole tensor of {@link DType#LONGS}, row-major.
   *
   * @throws CheckpointException if it is missing, of another type, or too long for one array
   */
  public long[] longs(String name) {
    TensorInfo info = info(name);
    if (!DType.LONGS.contains(info.dtype())) {
      throw new CheckpointException(
          "Cannot read %s of %s as whole numbers: its type is %s; save it as one of %s"
              .formatted(name, path, info.dtype(), DType.LONGS));
    }
    int width = info.dtype().bytes();
    MappedFile mapped = requireOpen(name);
    long[] values = new long[arrayLength(info)];
    for (int i = 0; i < values.length; i++) {
      ByteBuffer element = mapped.view(dataStart + info.begin() + (long) i * width, width);
      values[i] = info.dtype() == DType.I64 ? element.getLong() : element.getInt();
    }
    return values;
  }

  @Override
  public void close() {
    file = null;
  }

  private static void copy(DType dtype, ByteBuffer bytes, int count, FloatBuffer target) {
    switch (dtype) {
      case F32 -> target.put(bytes.asFloatBuffer().limit(count));
      case F16 -> {
        for (int i = 0; i < count; i++) {
          target.put(HalfFloats.fromF16(bytes.getShort(2 * i)));
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          target.put(BFloat16.toFloat(bytes.getShort(2 * i)));
        }
      }
      default -> throw new IllegalStateException(dtype + " is not among DType.FLOATS");
    }
  }

  private TensorInfo requireFloats(String name) {
    TensorInfo info = info(name);
    if (!DType.FLOATS.contains(info.dtype())) {
      throw notFloats(name, info.dtype());
    }
    return info;
  }

  private int arrayLength(TensorInfo info) {
    if (info.elements() > MAX_ARRAY) {
      throw new CheckpointException(
          "Cannot read %s of %s into one array: it has %d elements, read it in parts"
              .formatted(info.name(), path, info.elements()));
    }
    return (int) info.elements();
  }

  private MappedFile requireOpen(String name) {
    MappedFile mapped = file;
    if (mapped == null) {
      throw new IllegalStateException("Cannot read " + name + ": " + path + " is closed");
    }
    return mapped;
  }
}
