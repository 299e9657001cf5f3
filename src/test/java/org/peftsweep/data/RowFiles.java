package org.peftsweep.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;

/** The same rows, two texts and a label, in files of every form. */
final class RowFiles {
  static final Task TASK =
      new Task("mine", List.of("a", "b"), "y", List.of("bad", "good"), List.of(Metric.ACCURACY));

  /** The same with quotes in TSV. */
  static final Task QUOTING =
      new Task(
          "mine",
          List.of("a", "b"),
          "y",
          List.of("bad", "good"),
          List.of(Metric.ACCURACY),
          List.of("dev"),
          true,
          0);

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final MessageType SCHEMA =
      MessageTypeParser.parseMessageType(
          "message rows { optional binary y (UTF8); optional binary a (UTF8);"
              + " optional binary b (UTF8); optional double more; }");

  private static final String[] WORDS = {
    "film",
    "\u00fcber",
    "\u4f60\u597d",
    "\uD83D\uDE00",
    "#1",
    "NaN",
    "null",
    "\\",
    "C:\\",
    "5\" pipe",
    "\"quoted\"",
    "\"",
    "'",
    "a,b",
    ";",
    "  ",
    " x",
    "x ",
    "[0, 1]",
    "{",
    "\u2028",
    "\u00a0",
    "true"
  };
  private static final String[] BREAKS = {"\t", "\n", "\n\n", "line\n\"two\"\t3"};

  private RowFiles() {}

  /**
   * Rows of a random stream.
   *
   * @param breaks whether texts have tabs and line breaks
   */
  static List<String[]> rows(SplittableRandom random, int count, boolean breaks) {
    List<String[]> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add(
          new String[] {
            text(random, breaks), text(random, breaks), random.nextBoolean() ? "good" : "bad"
          });
    }
    return rows;
  }

  private static String text(SplittableRandom random, boolean breaks) {
    StringBuilder text = new StringBuilder();
    int words = random.nextInt(5);
    for (int i = 0; i < words; i++) {
      text.append(i == 0 ? "" : " ").append(WORDS[random.nextInt(WORDS.length)]);
      if (breaks && random.nextInt(3) == 0) {
        text.append(BREAKS[random.nextInt(BREAKS.length)]);
      }
    }
    return text.toString();
  }

  /** Columns in another order than the task's, with one that nobody asked for. */
  static String tsv(List<String[]> rows) {
    return "y\ta\tmore\tb\n"
        + rows.stream()
            .map(row -> row[2] + "\t" + row[0] + "\t0.5\t" + row[1] + "\n")
            .collect(Collectors.joining());
  }

  static String quoted(List<String[]> rows, char separator, boolean all) {
    StringBuilder text = new StringBuilder("y,a,more,b\n".replace(',', separator));
    for (String[] row : rows) {
      String line =
          row[2]
              + separator
              + quoted(row[0], separator, all)
              + separator
              + "0.5"
              + separator
              + quoted(row[1], separator, all)
              + "\n";
      text.append(line);
    }
    return text.toString();
  }

  private static String quoted(String text, char separator, boolean always) {
    boolean needed =
        text.indexOf(separator) >= 0 || text.indexOf('\n') >= 0 || text.startsWith("\"");
    return always || needed ? '"' + text.replace("\"", "\"\"") + '"' : text;
  }

  static String jsonLines(List<String[]> rows) {
    return rows.stream().map(row -> json(object(row)) + "\n").collect(Collectors.joining());
  }

  static String jsonArray(List<String[]> rows, boolean pretty) {
    List<Map<String, Object>> objects = rows.stream().map(RowFiles::object).toList();
    try {
      return pretty
          ? JSON.writerWithDefaultPrettyPrinter().writeValueAsString(objects)
          : json(objects);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Map<String, Object> object(String[] row) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("y", row[2]);
    object.put("more", List.of(Map.of("a", 1)));
    object.put("a", row[0]);
    object.put("b", row[1]);
    return object;
  }

  private static String json(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  static void parquet(Path file, List<String[]> rows) throws IOException {
    Files.createDirectories(file.getParent());
    SimpleGroupFactory groups = new SimpleGroupFactory(SCHEMA);
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(new org.apache.hadoop.fs.Path(file.toString()))
            .withType(SCHEMA)
            .build()) {
      for (String[] row : rows) {
        writer.write(
            groups
                .newGroup()
                .append("y", row[2])
                .append("a", row[0])
                .append("b", row[1])
                .append("more", 0.5));
      }
    }
  }

  /** Writes text, packed as the file's ending says. */
  static void write(Path file, String text) throws IOException {
    write(file, text.getBytes(StandardCharsets.UTF_8));
  }

  static void write(Path file, byte[] bytes) throws IOException {
    Files.createDirectories(file.getParent());
    CompressionCodec codec =
        new CompressionCodecFactory(new Configuration())
            .getCodec(new org.apache.hadoop.fs.Path(file.toString()));
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream out = codec == null ? packed : codec.createOutputStream(packed)) {
      out.write(bytes);
    }
    Files.write(file, packed.toByteArray());
  }

  static List<Example> examples(List<String[]> rows) {
    List<Example> examples = new ArrayList<>();
    for (String[] row : rows) {
      examples.add(new Example(examples.size(), row[0], row[1], TASK.labelNames().indexOf(row[2])));
    }
    return examples;
  }
}
