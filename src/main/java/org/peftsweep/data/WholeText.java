package org.peftsweep.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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
    try (InputStream text = TextFile.open(file, conf)) {
      return decoded(file.toString(), text.readAllBytes());
    }
  }

  /**
   * Returns the same of a file of a model, which lies on this machine's disk.
   *
   * @throws DataException if it cannot be read, or is no text in UTF-8
   */
  static String ofModel(java.nio.file.Path file) {
    LocalFile.require(file);
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw FileFaults.cannot("read", file, e);
    }
    TextFile.requireText(file.toString(), bytes, ForeignFile.Wanted.MODEL);
    return decoded(file.toString(), TextFile.withoutMark(bytes));
  }

  private static String decoded(String file, byte[] bytes) {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    CharBuffer text = CharBuffer.allocate(bytes.length);
    if (StandardCharsets.UTF_8.newDecoder().decode(left, text, true).isError()) {
      throw notUtf8(file, bytes, left.position());
    }
    return text.flip().toString();
  }

  private static DataException notUtf8(String file, byte[] bytes, int at) {
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
    String what = TextFile.notUtf8(bytes, Arrays.copyOfRange(bytes, start, end));
    return new DataException(
        "Cannot read " + file + ":" + line + ": " + what + "; " + TextFile.SAVE_AS_UTF8);
  }
}
