package org.peftsweep.checkpoint;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.peftsweep.data.FileFaults;

/** JSON objects in the small files of a checkpoint folder. */
final class JsonFile {
  /** Far above the index of any published model. */
  private static final long MAX_BYTES = 64L << 20;

  /** Python writes Infinity and NaN, so keys that nobody asks for may hold them. */
  private static final ObjectMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(50)
                          .maxNumberLength(100)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private static final DefaultPrettyPrinter LAYOUT =
      new DefaultPrettyPrinter()
          .withObjectIndenter(new DefaultIndenter("  ", "\n"))
          .withArrayIndenter(new DefaultIndenter("  ", "\n"));

  private JsonFile() {}

  /**
   * Reads a file that holds one object.
   *
   * @throws CheckpointException if it is missing or holds anything else
   */
  static JsonNode read(Path file) {
    PresentFile.require(file);
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new CheckpointException(
            "Cannot read " + file + " as JSON: it has more than " + MAX_BYTES + " bytes");
      }
      JsonNode root = MAPPER.readTree(Files.readAllBytes(file));
      if (!root.isObject()) {
        throw new CheckpointException("Cannot read " + file + ": it is not a JSON object");
      }
      return root;
    } catch (JacksonException e) {
      int line = e.getLocation() == null ? 1 : Math.max(1, e.getLocation().getLineNr());
      throw new CheckpointException(
          "Cannot read %s, line %d: it is not JSON there; mend the file or fetch it again"
              .formatted(file, line),
          e);
    } catch (IOException e) {
      throw FileFaults.cannot("read", file, e);
    }
  }

  /** Returns numbers, words, lists and maps as a JSON object with its keys in their order. */
  static JsonNode tree(Map<String, Object> values) {
    return MAPPER.valueToTree(values);
  }

  static void write(Path file, JsonNode root) {
    WholeFile.write(
        file,
        channel -> {
          String text = MAPPER.writer(LAYOUT).writeValueAsString(root) + "\n";
          ByteBuffer bytes = StandardCharsets.UTF_8.encode(text);
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
        });
  }
}
