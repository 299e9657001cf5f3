package org.peftsweep.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Puts safetensors files together by hand, also faulty ones. */
final class SafeTensorsBytes {
  private SafeTensorsBytes() {}

  static Path write(Path path, String header, byte[] data) throws IOException {
    return Files.write(path, of(header.getBytes(StandardCharsets.UTF_8), data));
  }

  static byte[] of(byte[] header, byte[] data) {
    return ByteBuffer.allocate(8 + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .put(data)
        .array();
  }
}
