package org.peftsweep.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** Token names and ids of a {@code tokenizer.json}, added tokens included. */
final class TokenizerVocabulary {

  private final Map<String, Integer> ids = new HashMap<>();
  private final Set<Integer> special = new TreeSet<>();
  private int tokens;

  private TokenizerVocabulary() {}

  static TokenizerVocabulary of(JsonNode tree) {
    TokenizerVocabulary found = new TokenizerVocabulary();
    JsonNode vocabulary = tree.path("model").path("vocab");
    // Unigram models list [piece, score] pairs; all others map a token to its id.
    for (int id = 0; vocabulary.isArray() && id < vocabulary.size(); id++) {
      found.add(vocabulary.get(id).path(0).asText(), id);
    }
    if (vocabulary.isObject()) {
      vocabulary.properties().forEach(e -> found.add(e.getKey(), e.getValue().asInt()));
    }
    for (JsonNode added : tree.path("added_tokens")) {
      int id = added.path("id").asInt();
      found.add(added.path("content").asText(), id);
      if (added.path("special").asBoolean()) {
        found.special.add(id);
      }
    }
    return found;
  }

  /** The id of the wanted token where it is given and known, else of the first usual one. */
  OptionalInt find(String wanted, List<String> usual) {
    if (wanted != null && ids.containsKey(wanted)) {
      return OptionalInt.of(ids.get(wanted));
    }
    return usual.stream().filter(ids::containsKey).mapToInt(ids::get).findFirst();
  }

  boolean has(String token) {
    return ids.containsKey(token);
  }

  /** The name of an id; null where it has none. */
  String name(int id) {
    return ids.entrySet().stream()
        .filter(entry -> entry.getValue() == id)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse(null);
  }

  /** The lowest id that stands for another token in the other vocabulary; empty for none. */
  OptionalInt firstDifference(TokenizerVocabulary other) {
    return IntStream.concat(idsUnlike(other), other.idsUnlike(this)).min();
  }

  private IntStream idsUnlike(TokenizerVocabulary other) {
    return ids.entrySet().stream()
        .filter(entry -> !entry.getValue().equals(other.ids.get(entry.getKey())))
        .mapToInt(Map.Entry::getValue);
  }

  boolean isSpecial(int id) {
    return special.contains(id);
  }

  int tokens() {
    return tokens;
  }

  private void add(String token, int id) {
    ids.put(token, id);
    tokens = Math.max(tokens, id + 1);
  }
}
