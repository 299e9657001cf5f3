package org.peftsweep.data;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.util.LineReader;

/**
 * The numbered lines of a text file, blank ones left out; only a line feed, or it with a carriage
 * return, ends one. Of a line that is too long no more is held than its start.
 */
final class Lines implements Closeable {

  static final String TOO_LONG = "it has a line of more than " + (TextFile.LONGEST >> 20) + " MiB";

  static final String SHORTEN = "shorten its texts";

  private final Path file;
  private final Configuration conf;
  private final LineReader reader;
  private final String blanks;
  private final Text line = new Text();
  private long number;
  private boolean isTooLong;

  /** Told once a file: it takes a look at its start. */
  private String notUtf8;

  private Lines(Path file, Configuration conf, LineReader reader, String blanks) {
    this.blanks = blanks;
    this.file = file;
    this.conf = conf;
    this.reader = reader;
  }

  /** Lines of fields that tabs separate, so that one of tabs alone is not blank. */
  static Lines open(Path file, Configuration conf) throws IOException {
    return of(file, TextFile.open(file, conf), conf, " \r");
  }

  /**
   * Lines of a text.
   *
   * @param blanks characters of which blank lines consist
   */
  static Lines of(Path file, InputStream text, Configuration conf, String blanks)
      throws IOException {
    TextFile.requireLineFeeds(file, text);
    byte[] newline = {'\n'};
    return new Lines(file, conf, new LineReader(text, conf, newline), blanks);
  }

  /** Moves to the next line; false at the end. */
  boolean next() throws IOException {
    do {
      number++;
      int read = reader.readLine(line, TextFile.LONGEST, Integer.MAX_VALUE);
      if (read <= 0) {
        return false;
      }
      isTooLong = read > line.getLength() + 1;
    } while (isBlank());
    return true;
  }

  /**
   * The line without its end.
   *
   * @throws BadLineException if it is too long or not UTF-8
   */
  String text() throws BadLineException, IOException {
    if (isTooLong) {
      throw new BadLineException(TOO_LONG, SHORTEN);
    }
    try {
      String text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(line.getBytes(), 0, line.getLength()))
              .toString();
      return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    } catch (CharacterCodingException e) {
      if (notUtf8 == null) {
        notUtf8 = TextFile.notUtf8(file, conf, line.copyBytes());
      }
      throw new BadLineException(notUtf8, TextFile.SAVE_AS_UTF8);
    }
  }

  /** File and line number, from 1. */
  String place() {
    return file + ":" + number;
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }

  private boolean isBlank() {
    for (int i = 0; i < line.getLength(); i++) {
      if (blanks.indexOf(line.getBytes()[i]) < 0) {
        return false;
      }
    }
    return true;
  }

  /** Says why a line cannot be read. */
  static final class BadLineException extends Exception {

    private static final long serialVersionUID = 1;

    private final String remedy;

    BadLineException(String reason, String remedy) {
      super(reason);
      this.remedy = remedy;
    }

    /** What to do. */
    String remedy() {
      return remedy;
    }
  }
}
