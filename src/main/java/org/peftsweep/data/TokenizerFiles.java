package org.peftsweep.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;

/**
 * Finds or makes the {@code tokenizer.json} of a folder, as the converters of Hugging Face's
 * transformers make it from the older files.
 */
final class TokenizerFiles {

  static final ObjectMapper JSON = new ObjectMapper();

  private static final List<String> ROBERTA_SPECIAL =
      List.of("<s>", "<pad>", "</s>", "<unk>", "<mask>");
  private static final List<String> BERT_SPECIAL =
      List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");

  private TokenizerFiles() {}

  /**
   * The contents of {@code tokenizer_config.json}, empty where there is none, with the template of
   * {@code chat_template.jinja}, which newer folders have beside it.
   */
  static JsonNode config(Path folder) {
    ObjectNode config = parsed(folder.resolve("tokenizer_config.json"));
    Path template = folder.resolve("chat_template.jinja");
    return LocalFile.isThere(template)
        ? config.put("chat_template", WholeText.ofModel(template))
        : config;
  }

  /** The object of a file, empty where there is none. */
  private static ObjectNode parsed(Path file) {
    return LocalFile.isThere(file)
        ? parse(WholeText.ofModel(file), file.toString())
        : JSON.createObjectNode();
  }

  /** The name of a special token in a {@code tokenizer_config.json}, or null. */
  static String token(JsonNode config, String key) {
    JsonNode value = config.path(key);
    value = value.isObject() ? value.path("content") : value;
    return value.isTextual() ? value.asText() : null;
  }

  /** The tokenizer of a folder; {@link DataException} says what to supply where there is none. */
  static TokenizerSource source(Path folder, JsonNode config) {
    Path whole = folder.resolve("tokenizer.json");
    Path words = folder.resolve("vocab.txt");
    Path vocabulary = folder.resolve("vocab.json");
    Path merges = folder.resolve("merges.txt");
    if (LocalFile.isThere(whole)) {
      return new TokenizerSource(parse(WholeText.ofModel(whole), whole.toString()));
    }
    if (LocalFile.isThere(vocabulary) && LocalFile.isThere(merges)) {
      return new TokenizerSource(
          bytePairs(
              parse(WholeText.ofModel(vocabulary), vocabulary.toString()),
              WholeText.ofModel(merges),
              config.path("add_prefix_space").asBoolean(false)));
    }
    if (LocalFile.isThere(words)) {
      return new TokenizerSource(
          wordPieces(words, config.path("do_lower_case").asBoolean(true), config));
    }
    return SentencePieceTokenizer.find(folder)
        .map(
            pieces ->
                SentencePieceTokenizer.of(
                    pieces,
                    config,
                    parsed(folder.resolve("added_tokens.json")),
                    parsed(folder.resolve("config.json"))))
        .orElseThrow(
            () ->
                new DataException(
                    "Cannot find a tokenizer in "
                        + folder
                        + ": supply tokenizer.json, vocab.json with merges.txt, vocab.txt, or"
                        + " SentencePiece's tokenizer.model, spm.model or sentencepiece.bpe.model"));
  }

  /** A byte-level BPE tokenizer with RoBERTa's special tokens where the vocabulary has them. */
  static ObjectNode bytePairs(ObjectNode vocabulary, String merges, boolean addPrefixSpace) {
    ObjectNode tree = tree(ROBERTA_SPECIAL, vocabulary);
    for (JsonNode added : tree.path("added_tokens")) {
      ((ObjectNode) added).put("lstrip", added.path("content").asText().equals("<mask>"));
    }
    byteLevel(tree.putObject("pre_tokenizer"), addPrefixSpace);
    if (vocabulary.has("<s>") && vocabulary.has("</s>")) {
      ObjectNode post = tree.putObject("post_processor");
      post.put("type", "RobertaProcessing");
      post.putArray("sep").add("</s>").add(vocabulary.get("</s>").asInt());
      post.putArray("cls").add("<s>").add(vocabulary.get("<s>").asInt());
      post.put("trim_offsets", true).put("add_prefix_space", addPrefixSpace);
    } else {
      byteLevel(tree.putObject("post_processor"), addPrefixSpace);
    }
    byteLevel(tree.putObject("decoder"), true);
    ObjectNode model = tree.putObject("model");
    model.put("type", "BPE").putNull("dropout").putNull("unk_token");
    model.put("continuing_subword_prefix", "").put("end_of_word_suffix", "").put("fuse_unk", false);
    model.set("vocab", vocabulary);
    ArrayNode list = model.putArray("merges");
    for (String line : merges.split("\r?\n")) {
      if (!line.isEmpty() && !line.startsWith("#version")) {
        list.add(line);
      }
    }
    return tree;
  }

  /** BERT's WordPiece. */
  private static ObjectNode wordPieces(Path file, boolean lowercase, JsonNode config) {
    ObjectNode vocabulary = JSON.createObjectNode();
    String[] lines = WholeText.ofModel(file).split("\n");
    for (int id = 0; id < lines.length; id++) {
      String line = lines[id];
      vocabulary.put(line.endsWith("\r") ? line.substring(0, line.length() - 1) : line, id);
    }
    for (String token : List.of("[UNK]", "[CLS]", "[SEP]")) {
      if (!vocabulary.has(token)) {
        throw new DataException(
            "Cannot use " + file + ", which lacks " + token + ": supply tokenizer.json");
      }
    }
    ObjectNode tree = tree(BERT_SPECIAL, vocabulary);
    ObjectNode normalizer = tree.putObject("normalizer");
    normalizer.put("type", "BertNormalizer").put("clean_text", true);
    normalizer.put("handle_chinese_chars", config.path("tokenize_chinese_chars").asBoolean(true));
    JsonNode strip = config.path("strip_accents");
    if (strip.isBoolean()) {
      normalizer.put("strip_accents", strip.asBoolean());
    } else {
      normalizer.putNull("strip_accents");
    }
    normalizer.put("lowercase", lowercase);
    tree.putObject("pre_tokenizer").put("type", "BertPreTokenizer");
    ObjectNode post = tree.putObject("post_processor");
    post.put("type", "BertProcessing");
    post.putArray("sep").add("[SEP]").add(vocabulary.get("[SEP]").asInt());
    post.putArray("cls").add("[CLS]").add(vocabulary.get("[CLS]").asInt());
    tree.putObject("decoder").put("type", "WordPiece").put("prefix", "##").put("cleanup", true);
    ObjectNode model = tree.putObject("model");
    model.put("type", "WordPiece").put("unk_token", "[UNK]");
    model.put("continuing_subword_prefix", "##").put("max_input_chars_per_word", 100);
    model.set("vocab", vocabulary);
    return tree;
  }

  private static ObjectNode tree(List<String> special, ObjectNode vocabulary) {
    ObjectNode tree = JSON.createObjectNode();
    tree.put("version", "1.0").putNull("truncation").putNull("padding");
    ArrayNode added = tree.putArray("added_tokens");
    special.stream()
        .filter(vocabulary::has)
        .sorted((a, b) -> vocabulary.get(a).asInt() - vocabulary.get(b).asInt())
        .forEach(
            token ->
                added
                    .addObject()
                    .put("id", vocabulary.get(token).asInt())
                    .put("content", token)
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true));
    return tree.putNull("normalizer");
  }

  private static void byteLevel(ObjectNode node, boolean addPrefixSpace) {
    node.put("type", "ByteLevel").put("add_prefix_space", addPrefixSpace).put("trim_offsets", true);
  }

  static ObjectNode parse(String text, String place) {
    try {
      if (JSON.readTree(text) instanceof ObjectNode object) {
        return object;
      }
      throw new DataException("Cannot read " + place + ": it must hold one JSON object");
    } catch (JsonProcessingException e) {
      throw new DataException(
          "Cannot read " + place + " as JSON: it is something else or cut off; fetch it again", e);
    }
  }
}
