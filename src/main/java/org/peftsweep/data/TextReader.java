package org.peftsweep.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.fs.Path;

/**
 * The characters of a text file for a parser that reads ahead: a carriage return before a line feed
 * is left out, and bytes that are not UTF-8 become {@link #UNDECODABLE}, so that the parser's
 * client can tell in which row they stood.
 */
final class TextReader extends Reader {

  /** No character: it stands for bytes that are not UTF-8. */
  static final char UNDECODABLE = '\uFFFF';

  private final Path file;
  private final Reader characters;
  private final int longestLine;
  private final String end;
  private int endAt;
  private long line = 1;
  private int lineLength;
  private long undecodableLine;

  /**
   * A reader.
   *
   * @param longestLine characters of a line from which on it is refused
   * @param end what is read after the last character
   */
  TextReader(Path file, InputStream text, int longestLine, String end) {
    this.file = file;
    this.longestLine = longestLine;
    this.end = end;
    this.characters =
        new BufferedReader(
            new InputStreamReader(
                text,
                StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPLACE)
                    .onUnmappableCharacter(CodingErrorAction.REPLACE)
                    .replaceWith(String.valueOf(UNDECODABLE))));
  }

  /** The first line, from 1, of those read so far whose bytes are not UTF-8; 0 for none. */
  long undecodableLine() {
    return undecodableLine;
  }

  @Override
  public int read(char[] into, int from, int length) throws IOException {
    int read = 0;
    while (read < length) {
      int next = next();
      if (next < 0) {
        return read == 0 && length > 0 ? -1 : read;
      }
      into[from + read++] = (char) next;
    }
    return read;
  }

  private int next() throws IOException {
    int next = characters.read();
    if (next == '\r') {
      characters.mark(1);
      if (characters.read() == '\n') {
        next = '\n';
      } else {
        characters.reset();
      }
    }
    if (next < 0) {
      return endAt < end.length() ? end.charAt(endAt++) : -1;
    }
    if (next == UNDECODABLE && undecodableLine == 0) {
      undecodableLine = line;
    }
    if (next == '\n') {
      line++;
      lineLength = 0;
    } else if (++lineLength > longestLine) {
      throw new DataException(
          "Cannot read " + file + ":" + line + ": " + Lines.TOO_LONG + "; " + Lines.SHORTEN);
    }
    return next;
  }

  @Override
  public void close() throws IOException {
    characters.close();
  }
}
