package org.peftsweep.data;

import com.ibm.icu.text.CharsetDetector;
import com.ibm.icu.text.CharsetMatch;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;

/**
 * Opens text files: unpacks what Hadoop's codecs know by its ending, drops a byte-order mark, and
 * refuses what is no UTF-8 text by its first bytes, with the name of what it is.
 */
final class TextFile {

  /** Bytes of the longest line, and characters of the longest text, in any format. */
  static final int LONGEST = 4 << 20;

  static final String SAVE_AS_UTF8 = "save the file as UTF-8";

  private static final int HEAD = 4096;
  private static final int SAMPLE = 1 << 16;
  private static final Set<String> LATIN = Set.of("ISO-8859-1", "windows-1252");
  private static final int SURE = 50;
  private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

  private TextFile() {}

  /** The bytes of its text, after a byte-order mark of UTF-8. */
  static InputStream open(Path file, Configuration conf) throws IOException {
    InputStream bytes = file.getFileSystem(conf).open(file);
    try {
      BufferedInputStream text = new BufferedInputStream(unpacked(file, bytes, conf));
      byte[] head = head(text);
      boolean isPacked = new CompressionCodecFactory(conf).getCodec(file) != null;
      requireText(
          file.toString(),
          head,
          isPacked ? ForeignFile.Wanted.PACKED_TEXT : ForeignFile.Wanted.TEXT);
      if (startsWith(head, BYTE_ORDER_MARK)) {
        text.skipNBytes(BYTE_ORDER_MARK.length);
      }
      return text;
    } catch (IOException | RuntimeException e) {
      bytes.close();
      throw e;
    }
  }

  /** Returns the bytes behind a byte-order mark of UTF-8, if there is one. */
  static byte[] withoutMark(byte[] bytes) {
    return startsWith(bytes, BYTE_ORDER_MARK)
        ? Arrays.copyOfRange(bytes, BYTE_ORDER_MARK.length, bytes.length)
        : bytes;
  }

  /**
   * Refuses a text whose lines end as those of old Macintoshes.
   *
   * @param text from its beginning
   */
  static void requireLineFeeds(Path file, InputStream text) throws IOException {
    String start = new String(head(text), StandardCharsets.ISO_8859_1).stripTrailing();
    if (start.indexOf('\r') >= 0 && start.indexOf('\n') < 0) {
      throw new DataException(
          "Cannot read "
              + file
              + ":1: its lines end with carriage returns alone; save it with line feeds");
    }
  }

  /** The first character that is no blank, as far as it is among the first; else a blank. */
  static char firstCharacter(InputStream text) throws IOException {
    for (byte one : head(text)) {
      if (!Character.isWhitespace(one)) {
        return (char) (one & 0xFF);
      }
    }
    return ' ';
  }

  /**
   * Says that a file is not UTF-8, and what it may be by its first bytes, or where those tell
   * nothing by those of a line.
   */
  static String notUtf8(Path file, Configuration conf, byte[] line) throws IOException {
    byte[] sample;
    try (InputStream text = open(file, conf)) {
      sample = text.readNBytes(SAMPLE);
    }
    return notUtf8(sample, line);
  }

  /**
   * Says the same.
   *
   * @param whole text, or its beginning
   */
  static String notUtf8(byte[] whole, byte[] line) {
    return encoding(Arrays.copyOf(whole, Math.min(whole.length, SAMPLE)))
        .or(() -> encoding(Arrays.copyOf(line, Math.min(line.length, SAMPLE))))
        .map(name -> "it is not UTF-8, it looks like " + name)
        .orElse("it is not UTF-8");
  }

  private static Optional<String> encoding(byte[] sample) {
    if (isAscii(sample)) {
      return Optional.empty();
    }
    CharsetDetector detector = new CharsetDetector();
    detector.setText(sample);
    return Optional.ofNullable(detector.detect())
        .map(CharsetMatch::getName)
        .filter(name -> !name.startsWith("UTF-8"))
        .map(name -> LATIN.contains(name) ? "Latin-1 (" + name + ")" : name);
  }

  private static boolean isAscii(byte[] sample) {
    for (byte one : sample) {
      if (one < 0) {
        return false;
      }
    }
    return true;
  }

  private static InputStream unpacked(Path file, InputStream bytes, Configuration conf)
      throws IOException {
    CompressionCodec codec = new CompressionCodecFactory(conf).getCodec(file);
    if (codec == null) {
      return bytes;
    }
    try {
      return new Unpacked(codec.createInputStream(bytes));
    } catch (RuntimeException | LinkageError e) {
      throw new DataException(
          "Cannot unpack "
              + file
              + ": this machine has no codec for "
              + codec.getDefaultExtension()
              + "; supply it unpacked or as .gz",
          e);
    }
  }

  private static byte[] head(InputStream text) throws IOException {
    text.mark(HEAD + 1);
    byte[] head = text.readNBytes(HEAD);
    text.reset();
    return head;
  }

  /** Refuses what is no text by its first bytes. */
  static void requireText(String file, byte[] bytes, ForeignFile.Wanted wanted) {
    byte[] head = Arrays.copyOf(bytes, Math.min(HEAD, bytes.length));
    ForeignFile.of(head, wanted)
        .ifPresent(
            what -> {
              throw new DataException("Cannot read " + file + ":1: " + what);
            });
    String start = new String(head, StandardCharsets.ISO_8859_1);
    boolean hasMark = start.startsWith("\u00ff\u00fe") || start.startsWith("\u00fe\u00ff");
    if (hasMark || start.indexOf('\0') >= 0) {
      CharsetDetector detector = new CharsetDetector();
      detector.setText(head);
      CharsetMatch match = detector.detect();
      boolean isWide =
          match != null
              && match.getConfidence() > SURE
              && match.getName().toUpperCase(Locale.ROOT).matches("UTF-(16|32).*");
      if (isWide) {
        throw new DataException(
            "Cannot read "
                + file
                + ":1: it is "
                + match.getName()
                + ", not UTF-8; "
                + SAVE_AS_UTF8);
      }
    }
  }

  private static boolean startsWith(byte[] bytes, byte[] start) {
    return bytes.length >= start.length
        && Arrays.equals(bytes, 0, start.length, start, 0, start.length);
  }

  /** Codecs throw bare exceptions of many kinds for damaged bytes. */
  private static final class Unpacked extends FilterInputStream {

    Unpacked(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int from, int length) throws IOException {
      try {
        return super.read(into, from, length);
      } catch (RuntimeException | OutOfMemoryError e) {
        throw new IOException("Cannot unpack", e);
      }
    }
  }
}
