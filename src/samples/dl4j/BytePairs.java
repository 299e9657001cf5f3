import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * The tokenizer of RoBERTa, byte-level BPE, as a {@code tokenizer.json} has it. For models with
 * word pieces, deeplearning4j-nlp has {@code BertWordPieceTokenizerFactory}.
 */
final class BytePairs {
  private static final Pattern WORD =
      Pattern.compile(
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

  private final Map<String, Integer> vocabulary = new HashMap<>();
  private final Map<List<String>, Integer> ranks = new HashMap<>();
  private final int start;
  private final int end;

  BytePairs(Path file) throws IOException {
    JsonNode whole = new ObjectMapper().readTree(file.toFile());
    JsonNode model = whole.get("model");
    model.get("vocab").fields().forEachRemaining(e -> vocabulary.put(e.getKey(), e.getValue().asInt()));
    for (JsonNode merge : model.get("merges")) {
      List<String> pair =
          merge.isArray()
              ? List.of(merge.get(0).asText(), merge.get(1).asText())
              : List.of(merge.asText().split(" "));
      ranks.put(pair, ranks.size());
    }
    start = whole.get("post_processor").get("cls").get(1).asInt();
    end = whole.get("post_processor").get("sep").get(1).asInt();
  }

  /** Returns the ids of one text, or of two with ends between them, the longer one cut to fit. */
  List<Integer> encode(String first, String second, int most) {
    List<Integer> one = ids(first);
    List<Integer> other = second == null ? List.of() : ids(second);
    int room = most - (second == null ? 2 : 4);
    while (one.size() + other.size() > room) {
      List<Integer> longer = one.size() > other.size() ? one : other;
      longer.remove(longer.size() - 1);
    }
    List<Integer> all = new ArrayList<>(List.of(start));
    all.addAll(one);
    all.add(end);
    if (second != null) {
      all.add(end);
      all.addAll(other);
      all.add(end);
    }
    return all;
  }

  private List<Integer> ids(String text) {
    List<Integer> ids = new ArrayList<>();
    Matcher words = WORD.matcher(text);
    while (words.find()) {
      List<String> parts = new ArrayList<>();
      for (byte each : words.group().getBytes(StandardCharsets.UTF_8)) {
        parts.add(letter(each & 0xff));
      }
      merge(parts);
      parts.forEach(part -> ids.add(vocabulary.get(part)));
    }
    return ids;
  }

  /** Joins the neighbours that were learnt first, until none are left. */
  private void merge(List<String> parts) {
    while (true) {
      int best = -1;
      int rank = Integer.MAX_VALUE;
      for (int i = 0; i + 1 < parts.size(); i++) {
        int own = ranks.getOrDefault(List.of(parts.get(i), parts.get(i + 1)), rank);
        if (own < rank) {
          best = i;
          rank = own;
        }
      }
      if (best < 0) {
        return;
      }
      parts.set(best, parts.get(best) + parts.remove(best + 1));
    }
  }

  /** The letter that stands for a byte: its own where that can be seen, else one from 256 on. */
  private static String letter(int value) {
    int hidden = 0;
    for (int i = 0; i <= 255; i++) {
      boolean isSeen = i >= '!' && i <= '~' || i >= 0xa1 && i <= 0xac || i >= 0xae;
      if (i == value) {
        return Character.toString(isSeen ? i : 256 + hidden);
      }
      hidden += isSeen ? 0 : 1;
    }
    throw new IllegalArgumentException("Cannot write " + value + " as a letter: it is no byte");
  }
}
