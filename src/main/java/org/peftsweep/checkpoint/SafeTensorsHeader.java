package org.peftsweep.checkpoint;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.data.Shown;

/**
 * The JSON header of a safetensors file, checked as strictly as its specification asks: known
 * types, no negative number, no name twice, sizes that fit the shapes, and offsets that cover the
 * data without a gap or an overlap.
 *
 * <p>Source: the "Format" section of the safetensors README and {@code Metadata::validate} of its
 * reference library.
 */
record SafeTensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
  static final String METADATA = "__metadata__";

  /** The limit of the reference library. */
  static final long MAX_BYTES = 100_000_000;

  private static final int MAX_RANK = 64;

  /** Without the table of known names, which foreign headers could fill. */
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(3)
                  .maxNumberLength(20)
                  .maxStringLength((int) MAX_BYTES)
                  .build())
          .build();

  /**
   * Reads a header.
   *
   * @param json the header's bytes and no more
   * @param dataBytes bytes that the file holds behind the header
   * @throws Fault if it is not a valid header for that much data
   * @throws IOException if the bytes cannot be read
   */
  static SafeTensorsHeader parse(InputStream json, long dataBytes) throws IOException, Fault {
    // A reader, because the parser would also accept UTF-16 and UTF-32 from a stream.
    var text = new InputStreamReader(json, StandardCharsets.UTF_8.newDecoder());
    try (JsonParser parser = JSON.createParser(text)) {
      SafeTensorsHeader header = read(parser);
      header.requireCover(dataBytes);
      return header;
    } catch (JacksonException e) {
      boolean isTwice = e.getOriginalMessage().startsWith("Duplicate field");
      throw new Fault("its header " + (isTwice ? "has a key twice" : "is not valid JSON"), e);
    } catch (CharacterCodingException e) {
      throw new Fault("its header is not valid UTF-8", e);
    }
  }

  private static SafeTensorsHeader read(JsonParser parser) throws IOException, Fault {
    Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    require(parser.nextToken() == JsonToken.START_OBJECT, "its header is not a JSON object");
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      require(
          parser.nextToken() == JsonToken.START_OBJECT,
          "the entry of " + Shown.value(name) + " is no object");
      if (name.equals(METADATA)) {
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String key = parser.currentName();
          require(
              parser.nextToken() == JsonToken.VALUE_STRING,
              METADATA + " holds a value that is not a string, " + Shown.value(key));
          metadata.put(key, parser.getText());
        }
      } else {
        tensors.put(name, tensor(name, parser));
      }
    }
    require(parser.nextToken() == null, "its header goes on after the closing brace");
    return new SafeTensorsHeader(tensors, metadata);
  }

  private static TensorInfo tensor(String fullName, JsonParser parser) throws IOException, Fault {
    String name = Shown.value(fullName);
    DType dtype = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = parser.currentName();
      parser.nextToken();
      switch (key) {
        case "dtype" -> dtype = dtype(name, parser);
        case "shape" -> shape = numbers(name, key, parser);
        case "data_offsets" -> offsets = numbers(name, key, parser);
        default -> throw new Fault(name + " has the unknown key " + Shown.value(key));
      }
    }
    require(dtype != null, name + " has no dtype");
    require(shape != null, name + " has no shape");
    require(offsets != null, name + " has no data_offsets");
    require(offsets.size() == 2, name + " has " + offsets.size() + " data_offsets, not 2");
    long begin = offsets.get(0);
    long end = offsets.get(1);
    require(begin <= end, name + " ends at " + end + ", before it begins at " + begin);
    require(
        bytes(name, dtype, shape) == end - begin,
        name
            + " of "
            + dtype
            + " "
            + Shown.value(shape.toString())
            + " cannot fill "
            + (end - begin)
            + " bytes");
    return new TensorInfo(fullName, dtype, shape, begin, end);
  }

  private static DType dtype(String name, JsonParser parser) throws IOException, Fault {
    require(
        parser.currentToken() == JsonToken.VALUE_STRING, "the dtype of " + name + " is no word");
    String word = parser.getText();
    return DType.named(word)
        .orElseThrow(() -> new Fault(name + " has the unknown dtype " + Shown.value(word)));
  }

  private static List<Long> numbers(String name, String key, JsonParser parser)
      throws IOException, Fault {
    String what = "the " + key + " of " + name;
    require(parser.currentToken() == JsonToken.START_ARRAY, what + " is no list");
    List<Long> numbers = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      require(
          parser.currentToken() == JsonToken.VALUE_NUMBER_INT
              && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER
              && parser.getLongValue() >= 0,
          what + " holds something that is no whole number from 0 to 2^63-1");
      require(numbers.size() < MAX_RANK, what + " has more than " + MAX_RANK + " entries");
      numbers.add(parser.getLongValue());
    }
    return numbers;
  }

  private static long bytes(String name, DType dtype, List<Long> shape) throws Fault {
    try {
      long bytes = dtype.bytes();
      for (long size : shape) {
        bytes = Math.multiplyExact(bytes, size);
      }
      return bytes;
    } catch (ArithmeticException e) {
      throw new Fault(name + " has a shape of more than 2^63-1 bytes", e);
    }
  }

  private void requireCover(long dataBytes) throws Fault {
    List<TensorInfo> byOffset = new ArrayList<>(tensors.values());
    byOffset.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
    long covered = 0;
    for (TensorInfo tensor : byOffset) {
      require(
          tensor.begin() == covered,
          Shown.value(tensor.name())
              + " begins at "
              + tensor.begin()
              + ", where byte "
              + covered
              + " is due");
      covered = tensor.end();
    }
    require(
        covered <= dataBytes,
        "its header describes "
            + covered
            + " bytes of data and only "
            + dataBytes
            + " are there, so it was cut short: fetch the file again");
    require(
        covered == dataBytes,
        "its header describes " + covered + " bytes of data and " + dataBytes + " are there");
  }

  private static void require(boolean holds, String fault) throws Fault {
    if (!holds) {
      throw new Fault(fault);
    }
  }

  /** What is wrong, without the path; {@link SafeTensors} adds it. */
  static final class Fault extends Exception {
    private static final long serialVersionUID = 1L;

    Fault(String reason) {
      super(reason);
    }

    Fault(String reason, Throwable cause) {
      super(reason, cause);
    }
  }
}
