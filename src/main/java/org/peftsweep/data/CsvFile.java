package org.peftsweep.data;

import com.univocity.parsers.common.TextParsingException;
import com.univocity.parsers.csv.CsvFormat;
import com.univocity.parsers.csv.CsvParser;
import com.univocity.parsers.csv.CsvParserSettings;
import com.univocity.parsers.csv.UnescapedQuoteHandling;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Files of separated fields that may stand in quotes, with a header: separators and line breaks in
 * quotes are text, and a quote in quotes is doubled (RFC 4180). A quote within a field that does
 * not begin with one means nothing.
 */
final class CsvFile {

  /** A last record, which an open quote would take into its field. */
  private static final String END = "\uFFFE";

  private static final int MOST_COLUMNS = 10_000;

  private CsvFile() {}

  /** Reads all rows of a task. */
  static void read(
      DataFile data, Configuration conf, Task task, boolean labelled, RowCollector rows)
      throws IOException {
    Path file = data.path();
    CsvParser parser = new CsvParser(data.isSparkPart() ? ofSpark(data, conf) : settings(data));
    try (TextReader text = open(file, conf)) {
      begin(parser, text, file + ":1");
      TsvLayout layout = null;
      String notUtf8 = null;
      while (true) {
        long line = parser.getContext().currentLine() + 1;
        String place = file + ":" + line;
        String[] fields = next(parser, place);
        if (fields == null || isEnd(fields)) {
          return;
        }
        if (hasOpenQuote(fields)) {
          throw badQuote(place);
        }
        boolean isBlank = fields.length == 1 && fields[0].isBlank();
        if (isBlank) {
          continue;
        }
        if (isUndecodable(text, fields)) {
          notUtf8 = notUtf8 != null ? notUtf8 : TextFile.notUtf8(file, conf, new byte[0]);
          if (layout == null) {
            throw new DataException(
                "Cannot read " + place + ": " + notUtf8 + "; " + TextFile.SAVE_AS_UTF8);
          }
          rows.bad(place, notUtf8, TextFile.SAVE_AS_UTF8);
        } else if (layout == null) {
          layout = TsvLayout.named(place, task, labelled, List.of(fields));
        } else if (fields.length != layout.fields()) {
          rows.bad(place, fields.length + " fields, not " + layout.fields());
        } else {
          rows.row(place, layout.texts(fields), layout.label(fields));
        }
      }
    } finally {
      parser.stopParsing();
    }
  }

  private static void begin(CsvParser parser, TextReader text, String place) throws IOException {
    try {
      parser.beginParsing(text);
    } catch (TextParsingException | IllegalStateException e) {
      throw fault(e, place);
    }
  }

  private static String[] next(CsvParser parser, String place) throws IOException {
    try {
      return parser.parseNext();
    } catch (TextParsingException | IllegalStateException e) {
      throw fault(e, place);
    }
  }

  /** What the parser met: a fault of reading that it wrapped, or one of its own. */
  private static DataException fault(RuntimeException met, String place) throws IOException {
    for (Throwable cause = met; cause != null; cause = cause.getCause()) {
      if (cause instanceof DataException known) {
        return known;
      }
      if (cause instanceof IOException fault) {
        throw fault;
      }
      if (cause instanceof ArrayIndexOutOfBoundsException) {
        return new DataException(
            "Cannot read "
                + place
                + ": a field that begins there has no end within "
                + (TextFile.LONGEST >> 20)
                + " MiB, or there are more than "
                + MOST_COLUMNS
                + " fields; close its quote, or "
                + Lines.SHORTEN,
            met);
      }
    }
    return badQuote(place);
  }

  private static DataException badQuote(String place) {
    return new DataException(
        "Cannot read "
            + place
            + ": a field that begins with a quote does not end with one; close it, and double the"
            + " quotes within");
  }

  private static boolean isUndecodable(TextReader text, String[] fields) {
    if (text.undecodableLine() > 0) {
      for (String field : fields) {
        if (field.indexOf(TextReader.UNDECODABLE) >= 0) {
          return true;
        }
      }
    }
    return false;
  }

  private static CsvParserSettings settings(DataFile data) {
    CsvParserSettings settings = new CsvParserSettings();
    settings.setReadInputOnSeparateThread(false);
    settings.setSkipEmptyLines(false);
    settings.setCommentProcessingEnabled(false);
    settings.setIgnoreLeadingWhitespaces(false);
    settings.setIgnoreTrailingWhitespaces(false);
    settings.setNullValue("");
    settings.setEmptyValue("");
    settings.setMaxColumns(MOST_COLUMNS);
    settings.setMaxCharsPerColumn(TextFile.LONGEST);
    settings.setUnescapedQuoteHandling(UnescapedQuoteHandling.RAISE_ERROR);
    CsvFormat format = settings.getFormat();
    format.setDelimiter(data.format() == FileFormat.CSV ? ',' : '\t');
    format.setLineSeparator("\n");
    return settings;
  }

  /**
   * Spark escapes quotes with a backslash unless told otherwise, and its files do not say: they do
   * where the file can be read so.
   */
  private static CsvParserSettings ofSpark(DataFile data, Configuration conf) throws IOException {
    CsvParserSettings settings = settings(data);
    settings.getFormat().setQuoteEscape('\\');
    settings.getFormat().setCharToEscapeQuoteEscaping('\\');
    CsvParser parser = new CsvParser(settings);
    String place = data.path() + ":1";
    try (TextReader text = open(data.path(), conf)) {
      begin(parser, text, place);
      int columns = 0;
      while (true) {
        String[] fields = next(parser, place);
        if (fields == null || isEnd(fields)) {
          return settings;
        }
        columns = columns == 0 ? fields.length : columns;
        boolean isBlank = fields.length == 1 && fields[0].isBlank();
        if (hasOpenQuote(fields) || !isBlank && fields.length != columns) {
          return settings(data);
        }
      }
    } catch (DataException e) {
      return settings(data);
    } finally {
      parser.stopParsing();
    }
  }

  private static TextReader open(Path file, Configuration conf) throws IOException {
    InputStream text = TextFile.open(file, conf);
    TextFile.requireLineFeeds(file, text);
    return new TextReader(file, text, TextFile.LONGEST, "\n" + END + "\n");
  }

  private static boolean hasOpenQuote(String[] fields) {
    String last = fields[fields.length - 1];
    return last.endsWith(END) || last.endsWith(END + "\n");
  }

  private static boolean isEnd(String[] fields) {
    return fields.length == 1 && fields[0].equals(END);
  }
}
