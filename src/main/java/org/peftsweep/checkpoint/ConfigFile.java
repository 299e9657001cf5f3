package org.peftsweep.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoublePredicate;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.peftsweep.data.Shown;

/**
 * A {@code config.json}, asked key by key; a null counts as absent, as in the reference library. A
 * value of the wrong type or out of range is a {@link CheckpointException} that names it.
 */
public final class ConfigFile {
  /** Above any published model, and low enough for counting in whole numbers. */
  private static final int MOST = 10_000_000;

  private static final Map<String, Integer> MOST_OF =
      Map.ofEntries(
          Map.entry("hidden_size", 65_536),
          Map.entry("num_hidden_layers", 1_000),
          Map.entry("num_attention_heads", 1_024),
          Map.entry("num_key_value_heads", 1_024),
          Map.entry("head_dim", 65_536),
          Map.entry("intermediate_size", 1_000_000),
          Map.entry("type_vocab_size", 1_000),
          Map.entry("num_labels", 1_000_000));

  private final Path file;
  private final JsonNode root;
  private final Map<String, String> names;

  ConfigFile(Path file) {
    this(file, JsonFile.read(file), Map.of());
  }

  private ConfigFile(Path file, JsonNode root, Map<String, String> names) {
    this.file = file;
    this.root = root;
    this.names = names;
  }

  /** Returns the same file, whose keys are asked for by common names and have names of its own. */
  ConfigFile named(Map<String, String> own) {
    return new ConfigFile(file, root, own);
  }

  /** Returns the object under a key, asked in the same way; empty where there is none. */
  public ConfigFile under(String key) {
    JsonNode node = value(key);
    require(node.isMissingNode() || node.isObject(), key, node, "write keys under it");
    return new ConfigFile(file, node, Map.of());
  }

  /** Whether there is a value under a key. */
  public boolean has(String key) {
    return !value(key).isMissingNode();
  }

  /** Whether a key stands there with null, where that is something else than its absence. */
  public boolean isNull(String key) {
    return root.path(own(key)).isNull();
  }

  /** Returns widths and counts, under the keys that all architectures have. */
  public ModelConfig.Sizes sizes(int keyValueHeads, int tokenTypes) {
    return sizes(keyValueHeads, tokenTypes, null);
  }

  /**
   * The same where the feed-forward's width may be absent.
   *
   * @param feedForward for that; null where it is mandatory
   */
  public ModelConfig.Sizes sizes(int keyValueHeads, int tokenTypes, Integer feedForward) {
    int hidden = whole("hidden_size");
    int heads = whole("num_attention_heads");
    require(
        hidden % heads == 0 || has("head_dim"),
        "hidden_size",
        hidden,
        "it must be a multiple of " + own("num_attention_heads") + " = " + heads);
    return new ModelConfig.Sizes(
        whole("vocab_size"),
        hidden,
        whole("num_hidden_layers"),
        heads,
        keyValueHeads,
        whole("head_dim", hidden / heads),
        whole("intermediate_size", feedForward),
        whole("max_position_embeddings"),
        tokenTypes);
  }

  /** Returns {@code pad_token_id}, a token of the vocabulary; −1 is none. */
  public OptionalInt padTokenId() {
    JsonNode node = value("pad_token_id");
    if (node.isMissingNode() || node.isInt() && node.intValue() == -1) {
      return OptionalInt.empty();
    }
    int vocabulary = whole("vocab_size");
    require(
        node.isInt() && node.intValue() >= 0 && node.intValue() < vocabulary,
        "pad_token_id",
        node,
        "give a token below vocab_size = " + vocabulary);
    return OptionalInt.of(node.intValue());
  }

  /** Returns the values of {@code id2label} in order, else as many names as {@code num_labels}. */
  public List<String> labels() {
    JsonNode node = value("id2label");
    if (node.isMissingNode()) {
      int labels = whole("num_labels", 2);
      return IntStream.range(0, labels).mapToObj(label -> "LABEL_" + label).toList();
    }
    SortedMap<Integer, String> byId = new TreeMap<>();
    for (Map.Entry<String, JsonNode> label : node.properties()) {
      require(label.getKey().matches("\\d{1,9}"), "id2label", node, "its keys must be numbers");
      byId.put(Integer.valueOf(label.getKey()), label.getValue().asText());
    }
    require(
        !byId.isEmpty() && byId.lastKey() == byId.size() - 1,
        "id2label",
        node,
        "its keys must be 0, 1, 2 and so on");
    return List.copyOf(byId.values());
  }

  private String own(String key) {
    return names.getOrDefault(key, key);
  }

  private JsonNode value(String key) {
    JsonNode node = root.path(own(key));
    return node.isNull() ? MissingNode.getInstance() : node;
  }

  /** Returns a whole number of at least 1. */
  public int whole(String key) {
    return whole(key, null);
  }

  /**
   * Returns a whole number of at least 1.
   *
   * @param fallback for a key that is absent; null where it is mandatory
   */
  public int whole(String key, Integer fallback) {
    JsonNode node = value(key);
    if (node.isMissingNode()) {
      return requireFallback(key, fallback);
    }
    int most = MOST_OF.getOrDefault(key, MOST);
    require(
        node.isInt() && node.intValue() > 0 && node.intValue() <= most,
        key,
        node,
        "give a whole number from 1 to " + most);
    return node.intValue();
  }

  /**
   * Returns a whole number of at least 1.
   *
   * @param otherwise for a key that is absent, or holds 0 or −1 for none
   */
  public int wholeOr(String key, int otherwise) {
    JsonNode node = value(key);
    boolean isNone = node.isInt() && (node.intValue() == 0 || node.intValue() == -1);
    return node.isMissingNode() || isNone ? otherwise : whole(key);
  }

  /**
   * Returns a number above 0.
   *
   * @param fallback for a key that is absent; null where it is mandatory
   */
  public double positive(String key, Number fallback) {
    return number(key, fallback, x -> x > 0, "give a number above 0");
  }

  /** Returns a number from 0 to below 1. */
  public double probability(String key, double fallback) {
    return number(key, fallback, x -> x >= 0 && x < 1, "give a number from 0 to below 1");
  }

  private double number(String key, Number fallback, DoublePredicate legal, String advice) {
    JsonNode node = value(key);
    if (node.isMissingNode()) {
      return requireFallback(key, fallback).doubleValue();
    }
    double number = node.asDouble();
    require(node.isNumber() && Double.isFinite(number) && legal.test(number), key, node, advice);
    return number;
  }

  /** Returns true or false. */
  public boolean flag(String key, boolean fallback) {
    JsonNode node = value(key);
    require(node.isMissingNode() || node.isBoolean(), key, node, "choose true or false");
    return node.isMissingNode() ? fallback : node.booleanValue();
  }

  /**
   * Returns a text.
   *
   * @param fallback for a key that is absent; null where it is mandatory
   */
  public String word(String key, String fallback) {
    JsonNode node = value(key);
    if (node.isMissingNode()) {
      return requireFallback(key, fallback);
    }
    require(node.isTextual(), key, node, "give a word in quotes");
    return node.textValue();
  }

  /** Returns the words of a list; none where there is no such key. */
  public List<String> words(String key) {
    JsonNode node = value(key);
    List<String> words = new ArrayList<>();
    for (JsonNode word : node.isMissingNode() ? List.<JsonNode>of() : node) {
      require(word.isTextual(), key, node, "give words in quotes");
      words.add(word.textValue());
    }
    require(node.isMissingNode() || node.isArray(), key, node, "give a list");
    return words;
  }

  /** Returns the words of a list, or of a text in which bars stand between them. */
  public List<String> wordsOrBarred(String key) {
    return value(key).isTextual()
        ? Arrays.stream(value(key).textValue().split("\\|")).map(String::strip).toList()
        : words(key);
  }

  /**
   * Returns for each layer whether its attention is of one kind, as {@code layer_types} says.
   *
   * @param kind that layers may be of
   * @param other that the rest is of
   * @param otherwise for layers by number, where the file has no such list
   */
  public List<Boolean> layersOf(String kind, String other, IntPredicate otherwise) {
    String key = "layer_types";
    int layers = whole("num_hidden_layers");
    List<String> types = words(key);
    if (types.isEmpty()) {
      return IntStream.range(0, layers).mapToObj(otherwise::test).toList();
    }
    require(types.size() == layers, key, types, "give one for each of " + layers + " layers");
    require(Set.of(kind, other).containsAll(types), key, types, "choose " + kind + " or " + other);
    return types.stream().map(kind::equals).toList();
  }

  /** Refuses any text but one, which an absent key stands for. */
  public void requireWord(String key, String only) {
    String word = word(key, only);
    require(word.equals(only), key, word, "only " + only + " can be built");
  }

  private <T> T requireFallback(String key, T fallback) {
    if (fallback == null) {
      throw new CheckpointException(
          "Cannot find " + own(key) + " in " + file + ": it is mandatory");
    }
    return fallback;
  }

  /** Refuses a value of a key with advice, unless something holds. */
  public void require(boolean holds, String key, Object value, String advice) {
    if (!holds) {
      throw new CheckpointException(
          "Cannot use %s = %s in %s: %s"
              .formatted(
                  own(key),
                  value instanceof String word
                      ? Shown.name(word)
                      : Shown.value(String.valueOf(value)),
                  file,
                  advice));
    }
  }
}
