package org.peftsweep.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/** Files with one JSON object a line, whose keys are the task's column names. */
final class JsonLinesFile {

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private JsonLinesFile() {}

  /** Reads all rows of a task. */
  static void read(Path file, Configuration conf, Task task, RowCollector rows) throws IOException {
    try (Lines lines = Lines.open(file, conf)) {
      while (lines.next()) {
        try {
          JsonNode node = JSON.readTree(lines.text());
          if (!node.isObject()) {
            rows.bad(lines.place(), "it is not a JSON object");
            continue;
          }
          JsonNode label = node.path(task.labelColumn());
          rows.row(
              lines.place(),
              text(node, task.textColumns().get(0)),
              task.isPair() ? text(node, task.textColumns().get(1)) : null,
              label.isNumber() || label.isTextual() ? label.asText() : null);
        } catch (CharacterCodingException e) {
          rows.bad(lines.place(), "it is not UTF-8");
        } catch (JsonProcessingException e) {
          rows.bad(lines.place(), "it is not JSON: " + e.getOriginalMessage());
        }
      }
    }
  }

  private static String text(JsonNode node, String column) {
    JsonNode value = node.path(column);
    return value.isTextual() ? value.asText() : null;
  }
}
