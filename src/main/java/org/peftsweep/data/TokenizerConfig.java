package org.peftsweep.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes a {@code tokenizer_config.json} with which Hugging Face's transformers use a {@code
 * tokenizer.json} as it is.
 */
final class TokenizerConfig {
  /** Names that tokens usually have, by key; a model has some of them. */
  private static final Map<String, List<String>> USUAL = new LinkedHashMap<>();

  static {
    USUAL.put("bos_token", List.of("<s>", "<|begin_of_text|>", "[CLS]"));
    USUAL.put("eos_token", List.of("</s>", "<|end_of_text|>", "<|endoftext|>", "[SEP]"));
    USUAL.put("unk_token", List.of("<unk>", "[UNK]"));
    USUAL.put("sep_token", List.of("</s>", "[SEP]"));
    USUAL.put("cls_token", List.of("<s>", "[CLS]"));
    USUAL.put("mask_token", List.of("<mask>", "[MASK]"));
  }

  private TokenizerConfig() {}

  /**
   * @param given the base's own file, whose names of tokens are kept
   * @param padToken that fills short rows
   * @param maxTokens longest input that the model takes, special tokens included
   * @param hasTypes whether the model tells a first text from a second by their token types
   */
  static ObjectNode of(
      TokenizerVocabulary vocabulary,
      JsonNode given,
      String padToken,
      int maxTokens,
      boolean hasTypes) {
    ObjectNode config = TokenizerFiles.JSON.createObjectNode();
    config.put("tokenizer_class", "PreTrainedTokenizerFast");
    config.put("model_max_length", maxTokens);
    config.put("padding_side", "right").put("truncation_side", "right");
    config.put("clean_up_tokenization_spaces", false);
    ArrayNode inputs = config.putArray("model_input_names").add("input_ids");
    if (hasTypes) {
      inputs.add("token_type_ids");
    }
    inputs.add("attention_mask");
    USUAL.forEach(
        (key, usual) -> {
          String own = TokenizerFiles.token(given, key);
          if (own != null && vocabulary.has(own)) {
            config.put(key, own);
          } else {
            usual.stream()
                .filter(vocabulary::has)
                .findFirst()
                .ifPresent(token -> config.put(key, token));
          }
        });
    if (given.has("chat_template")) {
      config.set("chat_template", given.get("chat_template"));
    }
    return config.put("pad_token", padToken);
  }
}
