package org.peftsweep.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Files with one JSON object a line, or with one array of objects, whose keys are the task's column
 * names. Labels may be texts, numbers, true or false.
 */
final class JsonFile {

  private static final String ONE_A_LINE = "give one object a line, or one array of objects";

  /** Numbers that are none are read, to be named. */
  /** More than JSON's own, as nothing else can be meant by such a line. */
  private static final String BLANKS = " \t\r\f\u000b";

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(TextFile.LONGEST).build())
          .build();

  private final Path file;
  private final Configuration conf;
  private final Task task;
  private final RowCollector rows;
  private final String[] texts;
  private String label;

  private JsonFile(Path file, Configuration conf, Task task, RowCollector rows) {
    this.file = file;
    this.conf = conf;
    this.task = task;
    this.rows = rows;
    this.texts = new String[task.textColumns().size()];
  }

  /** Reads all rows of a task. */
  static void read(Path path, Configuration conf, Task task, RowCollector rows) throws IOException {
    JsonFile file = new JsonFile(path, conf, task, rows);
    try (InputStream text = TextFile.open(path, conf)) {
      if (TextFile.firstCharacter(text) == '[') {
        file.readArray(new TextReader(path, text, Integer.MAX_VALUE, ""));
      } else {
        file.readLines(Lines.of(path, text, conf, BLANKS));
      }
    }
  }

  private void readLines(Lines lines) throws IOException {
    while (lines.next()) {
      String place = lines.place();
      try (JsonParser parser = JSON.createParser(lines.text())) {
        String fault =
            parser.nextToken() == JsonToken.START_OBJECT
                ? object(parser, place)
                : "it is not a JSON object";
        if (fault == null && parser.nextToken() != null) {
          fault = "it is more than one JSON object";
        }
        take(place, fault);
      } catch (Lines.BadLineException e) {
        rows.bad(place, e.getMessage(), e.remedy());
      } catch (JsonProcessingException e) {
        rows.bad(place, reason(e), ONE_A_LINE);
      }
    }
  }

  private void readArray(TextReader text) throws IOException {
    try (JsonParser parser = JSON.createParser(text)) {
      parser.nextToken();
      long number = 0;
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        number++;
        String place = place(parser) + " (row " + number + ")";
        if (parser.currentToken() == JsonToken.START_OBJECT) {
          String fault = object(parser, place);
          requireUtf8(text);
          take(place, fault);
        } else if (parser.currentToken() == null) {
          throw new DataException(
              "Cannot read " + place(parser) + ": the array has no end; fetch the file again");
        } else {
          parser.skipChildren();
          rows.bad(place, "it is not a JSON object");
        }
      }
      if (parser.nextToken() != null) {
        throw new DataException(
            "Cannot read " + place(parser) + ": more follows after the array; " + ONE_A_LINE);
      }
    } catch (JsonProcessingException e) {
      requireUtf8(text);
      long line = e.getLocation() == null ? 1 : e.getLocation().getLineNr();
      throw new DataException(
          "Cannot read " + file + ":" + line + ": " + reason(e) + "; " + ONE_A_LINE, e);
    }
  }

  private void requireUtf8(TextReader text) throws IOException {
    if (text.undecodableLine() > 0) {
      throw new DataException(
          "Cannot read "
              + file
              + ":"
              + text.undecodableLine()
              + ": "
              + TextFile.notUtf8(file, conf, new byte[0])
              + "; "
              + TextFile.SAVE_AS_UTF8);
    }
  }

  private void take(String place, String fault) {
    if (fault == null) {
      rows.row(place, texts.clone(), label);
    } else {
      rows.bad(place, fault);
    }
  }

  /**
   * Keeps the texts and the label of the object whose start was read.
   *
   * @return what is wrong with it, or null
   */
  private String object(JsonParser parser, String place) throws IOException {
    Arrays.fill(texts, null);
    label = null;
    String fault = null;
    Set<String> keys = new HashSet<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      if (!keys.add(key)) {
        fault = "key " + Shown.name(key) + " stands in it twice";
      }
      JsonToken value = parser.nextToken();
      int column = task.textColumns().indexOf(key);
      if (column >= 0 && task.isOfMessages() && value == JsonToken.START_ARRAY) {
        list(parser, column);
        continue;
      }
      if (column >= 0) {
        texts[column] = value == JsonToken.VALUE_STRING ? parser.getText() : null;
        fault = value == JsonToken.VALUE_STRING ? fault : typeFault(key, value, "text", fault);
      } else if (key.equals(task.labelColumn())) {
        if (value == JsonToken.START_ARRAY && !task.isCompletion()) {
          rows.refuseLabels(place);
        }
        boolean isScalar = value.isScalarValue() && value != JsonToken.VALUE_NULL;
        String wanted = task.isCompletion() ? "text" : "label";
        label = isScalar ? parser.getText() : null;
        fault = isScalar ? fault : typeFault(key, value, wanted, fault);
      }
      fault = numberFault(parser, key, fault);
    }
    return fault;
  }

  /** Keeps a list as it is written. */
  private void list(JsonParser parser, int column) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator copy = JSON.createGenerator(text)) {
      copy.copyCurrentStructure(parser);
    }
    texts[column] = text.toString();
  }

  /** Names a value of another type than is wanted; an absent one is named by who takes the row. */
  private static String typeFault(String key, JsonToken value, String wanted, String before) {
    String type =
        switch (value) {
          case START_ARRAY -> "a list";
          case START_OBJECT -> "an object";
          case VALUE_TRUE, VALUE_FALSE -> "true or false";
          case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
          default -> null;
        };
    return type == null ? before : "column " + key + " holds " + type + ", not a " + wanted;
  }

  /** Reads to the end of a value; names numbers in it that are none. */
  private static String numberFault(JsonParser parser, String key, String before)
      throws IOException {
    String fault = before;
    int depth = 0;
    while (true) {
      JsonToken token = parser.currentToken();
      if (token == null) {
        return fault;
      }
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      if (token == JsonToken.VALUE_NUMBER_FLOAT && parser.isNaN()) {
        fault = "key " + Shown.name(key) + " is " + parser.getText() + ", which JSON does not have";
      }
      if (depth == 0) {
        return fault;
      }
      parser.nextToken();
    }
  }

  private String place(JsonParser parser) {
    return file + ":" + Math.max(1, parser.currentTokenLocation().getLineNr());
  }

  private static String reason(JsonProcessingException e) {
    if (e instanceof StreamConstraintsException) {
      return "it holds a text, number or nesting that is too long";
    }
    if (e instanceof JsonEOFException) {
      return "its JSON has no end";
    }
    int column = e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
    return "it is not JSON from column " + Math.max(1, column) + " on";
  }
}
