package org.peftsweep.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Reads text files that are small enough to be held whole. */
public final class WholeText {
  private WholeText() {}

  /**
   * Returns the text of a file in UTF-8, packed or not, without its byte-order mark.
   *
   * @throws DataException with file and line if it is not UTF-8
   */
  public static String read(Path file, Configuration conf) throws IOException {
    byte[] bytes;
    try (InputStream text = TextFile.open(file, conf)) {
      bytes = text.readAllBytes();
    }
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer left = ByteBuffer.wrap(bytes);
    CharBuffer text = CharBuffer.allocate(bytes.length);
    if (decoder.decode(left, text, true).isError()) {
      throw notUtf8(file, conf, bytes, left.position());
    }
    return text.flip().toString();
  }

  private static DataException notUtf8(Path file, Configuration conf, byte[] bytes, int at)
      throws IOException {
    int line = 1;
    int start = 0;
    for (int i = 0; i < at; i++) {
      if (bytes[i] == '\n') {
        line++;
        start = i + 1;
      }
    }
    int end = at;
    while (end < bytes.length && bytes[end] != '\n') {
      end++;
    }
    String what = TextFile.notUtf8(file, conf, Arrays.copyOfRange(bytes, start, end));
    return new DataException(
        "Cannot read " + file + ":" + line + ": " + what + "; " + TextFile.SAVE_AS_UTF8);
  }
}
