package org.peftsweep.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import java.util.zip.CheckedOutputStream;
import org.peftsweep.compute.BFloat16;

/**
 * Writes a safetensors file as the reference library does: metadata first, then the tensors by type
 * (widest first) and name, the header filled up with spaces to a multiple of 8 bytes. Equal input
 * gives equal bytes, in whatever order it was added. The file appears whole or not at all.
 */
public final class SafeTensorsWriter {
  private static final JsonFactory JSON = new JsonFactory();
  private static final int CHUNK_ELEMENTS = 1 << 17;
  private static final int ALIGNMENT = 8;

  /** As the reference library sorts them. */
  private static final Comparator<Entry> ORDER =
      Comparator.comparing(Entry::dtype)
          .reversed()
          .thenComparing(
              entry -> entry.name().getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned);

  private final SortedMap<String, Entry> entries = new TreeMap<>();
  private final SortedMap<String, String> metadata = new TreeMap<>();

  /** Appends the elements from, from + 1, ... as many as counted, to a little-endian buffer. */
  private interface Encoder {
    void encode(long from, int count, ByteBuffer target);
  }

  private record Entry(String name, DType dtype, List<Long> shape, Encoder encoder) {
    long elements() {
      return shape.stream().reduce(1L, Math::multiplyExact);
    }

    long bytes() {
      return Math.multiplyExact(elements(), (long) dtype.bytes());
    }
  }

  /** Adds an entry to {@code __metadata__}. */
  public SafeTensorsWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /**
   * Adds to {@code __metadata__} a checksum of the tensors added so far, which {@link
   * SafeTensors#isWhole} compares.
   */
  public SafeTensorsWriter checked() throws IOException {
    CRC32C sum = new CRC32C();
    writeData(
        ordered(),
        Channels.newChannel(new CheckedOutputStream(OutputStream.nullOutputStream(), sum)));
    return metadata(SafeTensors.CHECKSUM, Long.toHexString(sum.getValue()));
  }

  /** Adds a 32-bit float tensor, row-major. */
  public SafeTensorsWriter add(String name, List<Long> shape, float[] values) {
    return add(name, DType.F32, shape, values);
  }

  /** As {@link #add(String, DType, List, FloatSource)}, from an array that fills the shape. */
  public SafeTensorsWriter add(String name, DType dtype, List<Long> shape, float[] values) {
    add(name, dtype, shape, FloatSource.of(values));
    return requireLength(name, values.length);
  }

  /**
   * Adds a float tensor that is asked for its values when the file is written.
   *
   * @param dtype one of {@link DType#FLOATS}; 16-bit types round to nearest, ties to even
   * @throws IllegalArgumentException if the type is another, the shape is none, or the name is
   *     taken
   */
  public SafeTensorsWriter add(String name, DType dtype, List<Long> shape, FloatSource values) {
    return put(
        name,
        dtype,
        DType.FLOATS,
        shape,
        (from, count, target) -> {
          FloatBuffer floats = FloatBuffer.allocate(count);
          values.read(from, floats);
          if (floats.hasRemaining()) {
            throw new IllegalStateException(
                "Cannot write " + name + ": " + floats.remaining() + " values were not supplied");
          }
          for (float value : floats.array()) {
            switch (dtype) {
              case F32 -> target.putFloat(value);
              case F16 -> target.putShort(HalfFloats.toF16(value));
              default -> target.putShort(BFloat16.of(value));
            }
          }
        });
  }

  /**
   * Adds a whole-number tensor, row-major.
   *
   * @param dtype one of {@link DType#LONGS}
   * @throws IllegalArgumentException if the type is another, the values do not fill the shape, or
   *     the name is taken
   */
  public SafeTensorsWriter add(String name, DType dtype, List<Long> shape, long[] values) {
    put(
        name,
        dtype,
        DType.LONGS,
        shape,
        (from, count, target) -> {
          for (int i = 0; i < count; i++) {
            long value = values[(int) from + i];
            if (dtype == DType.I64) {
              target.putLong(value);
            } else {
              target.putInt(Math.toIntExact(value));
            }
          }
        });
    return requireLength(name, values.length);
  }

  /**
   * Writes the file and replaces one that is there.
   *
   * @throws UncheckedIOException if it cannot be written
   */
  public void write(Path path) {
    WholeFile.write(path, this::write);
  }

  /** Writes the file's bytes to a channel, which stays open. */
  public void write(WritableByteChannel channel) throws IOException {
    List<Entry> ordered = ordered();
    byte[] header = header(ordered);
    ByteBuffer start = buffer(Long.BYTES + header.length);
    drain(start.putLong(header.length).put(header), channel);
    writeData(ordered, channel);
  }

  private static void writeData(List<Entry> ordered, WritableByteChannel channel)
      throws IOException {
    ByteBuffer chunk = buffer(CHUNK_ELEMENTS * Long.BYTES);
    for (Entry entry : ordered) {
      long elements = entry.elements();
      for (long from = 0; from < elements; from += CHUNK_ELEMENTS) {
        int count = (int) Math.min(CHUNK_ELEMENTS, elements - from);
        entry.encoder().encode(from, count, chunk.clear());
        drain(chunk, channel);
      }
    }
  }

  private SafeTensorsWriter put(
      String name, DType dtype, List<DType> types, List<Long> shape, Encoder encoder) {
    require(types.contains(dtype), name, dtype + " is not among " + types);
    require(shape.stream().allMatch(size -> size >= 0), name, shape + " has a negative size");
    require(!name.equals(SafeTensorsHeader.METADATA), name, "the format keeps that name");
    Entry earlier = entries.putIfAbsent(name, new Entry(name, dtype, List.copyOf(shape), encoder));
    require(earlier == null, name, "it was added before");
    return this;
  }

  private SafeTensorsWriter requireLength(String name, int values) {
    Entry entry = entries.get(name);
    require(entry.elements() == values, name, values + " values do not fill " + entry.shape());
    return this;
  }

  private static void require(boolean holds, String name, String fault) {
    if (!holds) {
      throw new IllegalArgumentException("Cannot add " + name + ": " + fault);
    }
  }

  private List<Entry> ordered() {
    List<Entry> ordered = new ArrayList<>(entries.values());
    ordered.sort(ORDER);
    return ordered;
  }

  private byte[] header(List<Entry> ordered) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(SafeTensorsHeader.METADATA);
        for (Map.Entry<String, String> entry : metadata.entrySet()) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
      }
      long begin = 0;
      for (Entry entry : ordered) {
        long end = Math.addExact(begin, entry.bytes());
        json.writeObjectFieldStart(entry.name());
        json.writeStringField("dtype", entry.dtype().name());
        writeNumbers(json, "shape", entry.shape());
        writeNumbers(json, "data_offsets", List.of(begin, end));
        json.writeEndObject();
        begin = end;
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    while (bytes.size() % ALIGNMENT != 0) {
      bytes.write(' ');
    }
    return bytes.toByteArray();
  }

  private static void writeNumbers(JsonGenerator json, String key, List<Long> numbers)
      throws IOException {
    json.writeArrayFieldStart(key);
    for (long number : numbers) {
      json.writeNumber(number);
    }
    json.writeEndArray();
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void drain(ByteBuffer filled, WritableByteChannel channel) throws IOException {
    filled.flip();
    while (filled.hasRemaining()) {
      channel.write(filled);
    }
  }
}
