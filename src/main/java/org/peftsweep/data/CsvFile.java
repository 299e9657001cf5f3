package org.peftsweep.data;

import com.univocity.parsers.common.TextParsingException;
import com.univocity.parsers.csv.CsvFormat;
import com.univocity.parsers.csv.CsvParser;
import com.univocity.parsers.csv.CsvParserSettings;
import com.univocity.parsers.csv.UnescapedQuoteHandling;
import java.io.IOException;
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
    CsvParser parser = new CsvParser(settings(data, conf));
    try (TextReader text =
        new TextReader(file, TextFile.open(file, conf), TextFile.LONGEST, "\n" + END + "\n")) {
      begin(parser, text, file);
      TsvLayout layout = null;
      while (true) {
        long line = parser.getContext().currentLine() + 1;
        String place = file + ":" + line;
        String[] fields = next(parser, place);
        if (fields == null || (fields.length == 1 && fields[0].equals(END))) {
          return;
        }
        String last = fields[fields.length - 1];
        if (last.endsWith(END) || last.endsWith(END + "\n")) {
          throw badQuote(place);
        }
        boolean isBlank = fields.length == 1 && fields[0].isBlank();
        if (isBlank) {
          continue;
        }
        if (isUndecodable(text, fields)) {
          String reason = TextFile.notUtf8(file, conf);
          if (layout == null) {
            throw new DataException(
                "Cannot read " + place + ": " + reason + "; " + TextFile.SAVE_AS_UTF8);
          }
          rows.bad(place, reason, TextFile.SAVE_AS_UTF8);
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

  private static void begin(CsvParser parser, TextReader text, Path file) throws IOException {
    try {
      parser.beginParsing(text);
    } catch (TextParsingException | IllegalStateException e) {
      throw fault(e, file + ":1");
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

  private static CsvParserSettings settings(DataFile data, Configuration conf) throws IOException {
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
    if (data.isSparkPart() && escapesByBackslash(data.path(), conf)) {
      format.setQuoteEscape('\\');
      format.setCharToEscapeQuoteEscaping('\\');
    }
    return settings;
  }

  /** Spark does so unless told otherwise, and the file does not say. */
  private static boolean escapesByBackslash(Path file, Configuration conf) throws IOException {
    try (TextReader text = new TextReader(file, TextFile.open(file, conf), TextFile.LONGEST, "")) {
      int before = 0;
      for (int at = text.read(); at >= 0; at = text.read()) {
        if (before == '\\' && at == '"') {
          return true;
        }
        before = at;
      }
      return false;
    }
  }
}
