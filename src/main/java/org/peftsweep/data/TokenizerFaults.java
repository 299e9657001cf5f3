package org.peftsweep.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Finds which part of a {@code tokenizer.json} keeps it from being used, by leaving parts out. */
final class TokenizerFaults {

  private static final List<String> PARTS =
      List.of(
          "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "version");

  /** What a model of each type must have. */
  private static final Map<String, List<String>> MODELS =
      Map.of(
          "BPE", List.of("vocab", "merges"),
          "Unigram", List.of("vocab"),
          "WordLevel", List.of("vocab", "unk_token"),
          "WordPiece",
              List.of(
                  "vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word"));

  private TokenizerFaults() {}

  /**
   * Returns why a tokenizer cannot be loaded.
   *
   * @param loads whether another can be
   */
  static String ofLoading(ObjectNode tree, Predicate<ObjectNode> loads) {
    if (!(tree.get("model") instanceof ObjectNode model)) {
      return "it has no model";
    }
    String type = model.path("type").asText();
    if (model.has("type") && !MODELS.containsKey(type)) {
      return "its model is of the type %s, not one of %s"
          .formatted(Shown.name(type), MODELS.keySet().stream().sorted().toList());
    }
    for (String part : PARTS) {
      ObjectNode without = tree.deepCopy();
      without.remove(part);
      if (tree.has(part) && loads.test(without)) {
        return "its " + part + named(part(tree, part, loads)) + " cannot be used";
      }
    }
    ObjectNode bare = tree.deepCopy();
    bare.remove(PARTS);
    if (loads.test(bare)) {
      return "more than one of its parts beside the model cannot be used";
    }
    return "its model" + named(model) + " " + ofModel(bare, loads);
  }

  /** The one of a sequence that is at fault, as far as it is one. */
  private static JsonNode part(ObjectNode tree, String part, Predicate<ObjectNode> loads) {
    for (Map.Entry<String, JsonNode> field : tree.get(part).properties()) {
      for (int i = 0; field.getValue().isArray() && i < field.getValue().size(); i++) {
        ObjectNode without = tree.deepCopy();
        ((ArrayNode) without.get(part).get(field.getKey())).remove(i);
        if (loads.test(without)) {
          return field.getValue().get(i);
        }
      }
    }
    return tree.get(part);
  }

  private static String named(JsonNode part) {
    return part.path("type").isTextual()
        ? " of the type " + Shown.name(part.path("type").textValue())
        : "";
  }

  private static String ofModel(ObjectNode tree, Predicate<ObjectNode> loads) {
    JsonNode model = tree.get("model");
    for (String key : MODELS.getOrDefault(model.path("type").asText(), List.of("vocab"))) {
      if (!model.has(key)) {
        return "lacks " + key;
      }
    }
    if (model.path("merges").isArray()) {
      ObjectNode unmerged = tree.deepCopy();
      ((ObjectNode) unmerged.get("model")).putArray("merges");
      if (loads.test(unmerged)) {
        return "has merges that do not go with its vocab";
      }
    }
    return "has a setting that this type does not have";
  }

  /** Returns why a tokenizer that was loaded cannot cut a text. */
  static String ofCutting(ObjectNode tree) {
    JsonNode model = tree.path("model");
    JsonNode unknown = model.path("unk_token");
    if (unknown.isTextual() && !model.path("vocab").has(unknown.textValue())) {
      return "its unk_token " + Shown.name(unknown.textValue()) + " is not in its vocab";
    }
    if (model.path("type").asText().equals("Unigram") && !model.path("unk_id").isInt()) {
      return "it has no unk_id for what is not in its vocab";
    }
    return "its parts do not go together";
  }
}
