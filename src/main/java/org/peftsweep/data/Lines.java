package org.peftsweep.data;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.util.LineReader;

/** The numbered lines of a text file; only a line feed, or it with a carriage return, ends one. */
final class Lines implements Closeable {

  private static final char BYTE_ORDER_MARK = '\uFEFF';

  private final Path file;
  private final LineReader reader;
  private final Text line = new Text();
  private long number;

  private Lines(Path file, LineReader reader) {
    this.file = file;
    this.reader = reader;
  }

  static Lines open(Path file, Configuration conf) throws IOException {
    byte[] newline = {'\n'};
    return new Lines(file, new LineReader(file.getFileSystem(conf).open(file), conf, newline));
  }

  /** Moves to the next line; false at the end. */
  boolean next() throws IOException {
    number++;
    return reader.readLine(line) > 0;
  }

  /** The line without its end; {@link CharacterCodingException} where it is not UTF-8. */
  String text() throws CharacterCodingException {
    String text =
        StandardCharsets.UTF_8
            .newDecoder()
            .decode(ByteBuffer.wrap(line.getBytes(), 0, line.getLength()))
            .toString();
    int from = number == 1 && !text.isEmpty() && text.charAt(0) == BYTE_ORDER_MARK ? 1 : 0;
    int to = text.length() - (text.endsWith("\r") ? 1 : 0);
    return text.substring(from, Math.max(from, to));
  }

  /** File and line number, from 1. */
  String place() {
    return file + ":" + number;
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
