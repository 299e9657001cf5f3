package org.peftsweep.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoublePredicate;
import java.util.stream.IntStream;
import org.peftsweep.data.Shown;

/**
 * Reads {@link ModelConfig}. Defaults are those of {@code RobertaConfig}, {@code BertConfig} and
 * {@code LlamaConfig} in the reference library; a null counts as absent, as it does there.
 */
final class ConfigReader {
  private static final List<String> ROPE_TYPES = List.of("default", "linear", "llama3");

  /** Above any published model, and low enough for counting in whole numbers. */
  private static final Map<String, Integer> MOST =
      Map.ofEntries(
          Map.entry("vocab_size", 10_000_000),
          Map.entry("hidden_size", 65_536),
          Map.entry("num_hidden_layers", 1_000),
          Map.entry("num_attention_heads", 1_024),
          Map.entry("num_key_value_heads", 1_024),
          Map.entry("head_dim", 65_536),
          Map.entry("intermediate_size", 1_000_000),
          Map.entry("max_position_embeddings", 10_000_000),
          Map.entry("original_max_position_embeddings", 10_000_000),
          Map.entry("type_vocab_size", 1_000),
          Map.entry("num_labels", 1_000_000));

  private final Path file;
  private final JsonNode root;

  ConfigReader(Path file) {
    this.file = file;
    this.root = JsonFile.read(file);
  }

  ModelConfig read() {
    Family family = Family.ofModelType(word(root, "model_type", null), file.toString());
    requireWord("hidden_act", family.activation());
    return family.isEncoder() ? encoder(family) : decoder(family);
  }

  private ModelConfig encoder(Family family) {
    requireWord("position_embedding_type", "absolute");
    refuseIfSet("is_decoder");
    double hiddenDropout = probability("hidden_dropout_prob", 0.1);
    return new ModelConfig(
        family,
        sizes(whole(root, "num_attention_heads"), whole(root, "type_vocab_size")),
        positive(root, "layer_norm_eps", 1e-12),
        new ModelConfig.Dropout(
            hiddenDropout,
            probability("attention_probs_dropout_prob", 0.1),
            probability("classifier_dropout", hiddenDropout)),
        OptionalInt.of(padTokenId().orElse(family == Family.ROBERTA ? 1 : 0)),
        Optional.empty(),
        true,
        true,
        flag("tie_word_embeddings", true),
        positive(root, "initializer_range", 0.02),
        labels());
  }

  private ModelConfig decoder(Family family) {
    int heads = whole(root, "num_attention_heads");
    int keyValueHeads = whole(root, "num_key_value_heads", heads);
    require(
        heads % keyValueHeads == 0,
        "num_key_value_heads",
        keyValueHeads,
        "it must divide num_attention_heads = " + heads);
    ModelConfig.Sizes sizes = sizes(keyValueHeads, 0);
    require(sizes.headWidth() % 2 == 0, "head_dim", sizes.headWidth(), "rotation needs even heads");
    return new ModelConfig(
        family,
        sizes,
        positive(root, "rms_norm_eps", 1e-6),
        new ModelConfig.Dropout(0, probability("attention_dropout", 0), 0),
        padTokenId(),
        Optional.of(rope()),
        flag("attention_bias", false),
        flag("mlp_bias", false),
        flag("tie_word_embeddings", false),
        positive(root, "initializer_range", 0.02),
        labels());
  }

  private ModelConfig.Sizes sizes(int keyValueHeads, int tokenTypes) {
    int hidden = whole(root, "hidden_size");
    int heads = whole(root, "num_attention_heads");
    JsonNode headWidth = value(root, "head_dim");
    require(
        hidden % heads == 0 || !headWidth.isMissingNode(),
        "hidden_size",
        hidden,
        "it must be a multiple of num_attention_heads = " + heads);
    return new ModelConfig.Sizes(
        whole(root, "vocab_size"),
        hidden,
        whole(root, "num_hidden_layers"),
        heads,
        keyValueHeads,
        headWidth.isMissingNode() ? hidden / heads : whole(root, "head_dim"),
        whole(root, "intermediate_size"),
        whole(root, "max_position_embeddings"),
        tokenTypes);
  }

  /** From {@code rope_parameters}, or else from {@code rope_theta} and {@code rope_scaling}. */
  private Rope rope() {
    JsonNode parameters = value(root, "rope_parameters");
    JsonNode settings = parameters.isMissingNode() ? value(root, "rope_scaling") : parameters;
    double theta = positive(root, "rope_theta", 10_000);
    theta = positive(settings, "rope_theta", theta);
    require(
        positive(settings, "partial_rotary_factor", 1) == 1,
        "partial_rotary_factor",
        settings.get("partial_rotary_factor"),
        "only whole heads can be rotated");
    String type = word(settings, "rope_type", word(settings, "type", "default"));
    require(ROPE_TYPES.contains(type), "rope_type", type, "choose one of " + ROPE_TYPES);
    return new Rope(
        theta,
        switch (type) {
          case "linear" -> new Rope.Linear(positive(settings, "factor", null));
          case "llama3" ->
              new Rope.Llama3(
                  positive(settings, "factor", null),
                  positive(settings, "low_freq_factor", null),
                  positive(settings, "high_freq_factor", null),
                  whole(settings, "original_max_position_embeddings"));
          default -> new Rope.None();
        });
  }

  private OptionalInt padTokenId() {
    JsonNode node = value(root, "pad_token_id");
    if (node.isMissingNode() || node.isInt() && node.intValue() == -1) {
      return OptionalInt.empty();
    }
    int vocabulary = whole(root, "vocab_size");
    require(
        node.isInt() && node.intValue() >= 0 && node.intValue() < vocabulary,
        "pad_token_id",
        node,
        "give a token below vocab_size = " + vocabulary);
    return OptionalInt.of(node.intValue());
  }

  private List<String> labels() {
    JsonNode node = value(root, "id2label");
    if (node.isMissingNode()) {
      int labels = whole(root, "num_labels", 2);
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

  private static JsonNode value(JsonNode object, String key) {
    JsonNode node = object.path(key);
    return node.isNull() ? MissingNode.getInstance() : node;
  }

  private int whole(JsonNode object, String key) {
    return whole(object, key, null);
  }

  private int whole(JsonNode object, String key, Integer fallback) {
    JsonNode node = value(object, key);
    if (node.isMissingNode()) {
      return requireFallback(key, fallback);
    }
    int most = MOST.get(key);
    require(
        node.isInt() && node.intValue() > 0 && node.intValue() <= most,
        key,
        node,
        "give a whole number from 1 to " + most);
    return node.intValue();
  }

  private double positive(JsonNode object, String key, Number fallback) {
    return number(object, key, fallback, x -> x > 0, "give a number above 0");
  }

  private double probability(String key, double fallback) {
    return number(root, key, fallback, x -> x >= 0 && x < 1, "give a number from 0 to below 1");
  }

  private double number(
      JsonNode object, String key, Number fallback, DoublePredicate legal, String advice) {
    JsonNode node = value(object, key);
    if (node.isMissingNode()) {
      return requireFallback(key, fallback).doubleValue();
    }
    double number = node.asDouble();
    require(node.isNumber() && Double.isFinite(number) && legal.test(number), key, node, advice);
    return number;
  }

  private boolean flag(String key, boolean fallback) {
    JsonNode node = value(root, key);
    require(node.isMissingNode() || node.isBoolean(), key, node, "choose true or false");
    return node.isMissingNode() ? fallback : node.booleanValue();
  }

  private String word(JsonNode object, String key, String fallback) {
    JsonNode node = value(object, key);
    if (node.isMissingNode()) {
      return requireFallback(key, fallback);
    }
    require(node.isTextual(), key, node, "give a word in quotes");
    return node.textValue();
  }

  private void requireWord(String key, String only) {
    String word = word(root, key, only);
    require(word.equals(only), key, word, "only " + only + " can be built");
  }

  private void refuseIfSet(String key) {
    require(!flag(key, false), key, true, "only encoders of this model_type can be built");
  }

  private <T> T requireFallback(String key, T fallback) {
    if (fallback == null) {
      throw new CheckpointException("Cannot find " + key + " in " + file + ": it is mandatory");
    }
    return fallback;
  }

  private void require(boolean holds, String key, Object value, String advice) {
    if (!holds) {
      throw new CheckpointException(
          "Cannot use %s = %s in %s: %s"
              .formatted(key, Shown.value(String.valueOf(value)), file, advice));
    }
  }
}
