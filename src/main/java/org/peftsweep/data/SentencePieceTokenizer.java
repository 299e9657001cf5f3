package org.peftsweep.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.peftsweep.data.SentencePieceFile.Piece;

/**
 * Turns a model file of SentencePiece into the {@code tokenizer.json} of the same rules, with the
 * special tokens of the models that have such a file.
 *
 * <p>Characters are replaced here by {@link CharacterMap}: what the {@code tokenizer.json} says for
 * the reference library looks at a letter and its marks at once, and loses some marks of decomposed
 * text.
 *
 * <p>A text that spells a special token, or in a unigram model the name of a byte such as {@code
 * <0x41>}, becomes that token, as in the reference library and other than in SentencePiece.
 */
final class SentencePieceTokenizer {
  /** Whose special tokens it has. */
  private enum Family {
    /** Llama 2, Mistral and Gemma: the file's own, as the config wants them. */
    LLAMA,
    /** DeBERTa's second and third version: {@code [CLS] a [SEP] b [SEP]}. */
    DEBERTA,
    /** XLM-RoBERTa, whose ids begin with four of its own: {@code <s> a </s></s> b </s>}. */
    XLM_ROBERTA
  }

  private static final Map<String, Family> FILES = new LinkedHashMap<>();

  static {
    FILES.put("tokenizer.model", Family.LLAMA);
    FILES.put("spm.model", Family.DEBERTA);
    FILES.put("sentencepiece.bpe.model", Family.XLM_ROBERTA);
  }

  private static final String SPACE = "▁";
  private static final String LOWERS = "do_lower_case";
  private static final String PRECOMPILED = "Precompiled";
  private static final List<String> XLM_ROBERTA = List.of("<s>", "<pad>", "</s>", "<unk>");
  private static final List<String> DEBERTA = List.of("[PAD]", "[CLS]", "[SEP]", "[UNK]");

  private final SentencePieceFile file;
  private final Family family;
  private final JsonNode config;
  private final JsonNode addedTokens;

  /** Pieces with their scores by id. */
  private final Map<String, Double> vocabulary = new LinkedHashMap<>();

  /** Ids of special tokens that come after those. */
  private final Map<String, Integer> later = new LinkedHashMap<>();

  private SentencePieceTokenizer(
      SentencePieceFile file, Family family, JsonNode config, JsonNode addedTokens) {
    this.file = file;
    this.family = family;
    this.config = config;
    this.addedTokens = addedTokens;
  }

  /** Returns a folder's file, if it has one. */
  static Optional<Path> find(Path folder) {
    return FILES.keySet().stream().map(folder::resolve).filter(LocalFile::isThere).findFirst();
  }

  /**
   * Returns the tokenizer of a file.
   *
   * @param config the {@code tokenizer_config.json} beside it, empty where there is none, as below
   * @param added ids of tokens by {@code added_tokens.json}
   * @param model the {@code config.json}
   * @throws DataException if the file cannot be used
   */
  static TokenizerSource of(Path path, JsonNode config, JsonNode added, JsonNode model) {
    SentencePieceFile file = SentencePieceFile.read(path);
    Family family = FILES.get(path.getFileName().toString());
    if (family == Family.XLM_ROBERTA && model.path("model_type").asText().equals("camembert")) {
      throw file.refused("CamemBERT has other ids than XLM-RoBERTa");
    }
    return new SentencePieceTokenizer(file, family, config, added).source();
  }

  /** Whether DeBERTa's config has a flag, which others do not know. */
  private boolean isSet(String flag) {
    return family == Family.DEBERTA && config.path(flag).asBoolean(false);
  }

  private TokenizerSource source() {
    if (isSet("split_by_punct")) {
      throw file.refused("its tokenizer_config.json has split_by_punct = true");
    }
    number();
    ObjectNode tree = tree();
    boolean lowers = isSet(LOWERS);
    if (file.characterMap().length == 0 && !lowers) {
      return new TokenizerSource(tree);
    }
    ObjectNode bare = tree.deepCopy();
    ArrayNode normalizers = (ArrayNode) bare.path("normalizer").path("normalizers");
    for (int i = normalizers.size() - 1; i >= 0; i--) {
      String type = normalizers.get(i).path("type").asText();
      if (type.equals(PRECOMPILED) || type.equals("Lowercase")) {
        normalizers.remove(i);
      }
    }
    UnaryOperator<String> mapped = mapped();
    return new TokenizerSource(
        tree, text -> mapped.apply(lowers ? text.toLowerCase(Locale.ROOT) : text), bare);
  }

  private UnaryOperator<String> mapped() {
    if (file.characterMap().length == 0) {
      return UnaryOperator.identity();
    }
    try {
      return CharacterMap.of(
              file.characterMap(),
              file.pieces().stream()
                  .filter(piece -> piece.type() == SentencePieceFile.USER_DEFINED)
                  .map(Piece::text)
                  .toList())
          ::apply;
    } catch (IllegalArgumentException e) {
      throw file.refused(e.getMessage());
    }
  }

  // ---- ids

  private void number() {
    List<Piece> pieces = file.pieces();
    int skipped = 0;
    if (family == Family.XLM_ROBERTA) {
      skipped = 3;
      List<String> first = pieces.stream().limit(skipped).map(Piece::text).toList();
      if (!first.equals(List.of("<unk>", "<s>", "</s>"))) {
        throw file.refused("its first ids are not those of XLM-RoBERTa");
      }
      XLM_ROBERTA.forEach(token -> vocabulary.put(token, 0.0));
    }
    DoubleSummaryStatistics normal =
        pieces.stream()
            .filter(piece -> piece.type() == SentencePieceFile.NORMAL)
            .mapToDouble(Piece::score)
            .summaryStatistics();
    for (Piece piece : pieces.subList(skipped, pieces.size())) {
      vocabulary.put(piece.text(), score(piece, normal));
    }
    if (family == Family.XLM_ROBERTA) {
      later.put("<mask>", vocabulary.size());
    }
    if (family == Family.DEBERTA) {
      DEBERTA.stream()
          .filter(token -> !vocabulary.containsKey(token))
          .findFirst()
          .ifPresent(
              token -> {
                throw file.refused("it lacks " + token);
              });
      if (!vocabulary.containsKey("[MASK]")) {
        later.put("[MASK]", vocabulary.size());
      }
    }
    added();
  }

  /** Tokens that were added to those of the file. */
  private void added() {
    Map<Integer, String> byId = new TreeMap<>();
    addedTokens.properties().forEach(entry -> byId.put(entry.getValue().asInt(), entry.getKey()));
    byId.forEach(
        (id, token) -> {
          int known = later.getOrDefault(token, vocabulary.size() + later.size());
          if (!vocabulary.containsKey(token) && id != known) {
            throw file.refused(
                "the id of %s in added_tokens.json is %d, not %d".formatted(token, id, known));
          }
          if (!vocabulary.containsKey(token)) {
            later.put(token, id);
          }
        });
  }

  private double score(Piece piece, DoubleSummaryStatistics normal) {
    // A user's symbol weighs by its bytes, as in SentencePiece.
    return file.isUnigram() && piece.type() == SentencePieceFile.USER_DEFINED
        ? piece.text().getBytes(StandardCharsets.UTF_8).length * normal.getMax() - 0.1
        : piece.score();
  }

  private boolean isAdded(Piece piece) {
    boolean isSymbol = piece.type() == SentencePieceFile.USER_DEFINED && !file.isUnigram();
    return isSymbol || isSpecial(piece);
  }

  private boolean isSpecial(Piece piece) {
    return piece.type() == SentencePieceFile.UNKNOWN
        || piece.type() == SentencePieceFile.CONTROL
        || family == Family.DEBERTA && DEBERTA.contains(piece.text());
  }

  // ---- tree

  private ObjectNode tree() {
    Map<String, Integer> ids = new LinkedHashMap<>();
    vocabulary.keySet().forEach(piece -> ids.put(piece, ids.size()));
    ObjectNode tree = JsonNodeFactory.instance.objectNode();
    tree.put("version", "1.0").putNull("truncation").putNull("padding");
    ArrayNode added = tree.putArray("added_tokens");
    Map<Integer, ObjectNode> entries = new TreeMap<>();
    for (Piece piece : file.pieces()) {
      if (isAdded(piece)) {
        entries.put(ids.get(piece.text()), entry(piece.text(), isSpecial(piece)));
      }
    }
    if (family == Family.XLM_ROBERTA) {
      entries.put(ids.get("<pad>"), entry("<pad>", true));
    }
    later.forEach(
        (token, id) -> entries.put(id, entry(token, true).put("lstrip", token.equals("<mask>"))));
    entries.forEach((id, entry) -> added.add(entry.put("id", id)));
    normalizers(tree.putObject("normalizer").put("type", "Sequence").putArray("normalizers"));
    tree.putNull("pre_tokenizer");
    postProcessor(tree, ids);
    ArrayNode decoders = tree.putObject("decoder").put("type", "Sequence").putArray("decoders");
    replace(decoders.addObject(), "String", SPACE, " ");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    if (file.addsSpace()) {
      decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
    ObjectNode model = tree.putObject("model");
    if (file.isUnigram()) {
      unigram(model, ids);
    } else {
      bytePairs(model, ids);
    }
    return tree;
  }

  private static ObjectNode entry(String token, boolean isSpecial) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("id", 0)
        .put("content", token)
        .put("single_word", false)
        .put("lstrip", false)
        .put("rstrip", false)
        .put("normalized", false)
        .put("special", isSpecial);
  }

  private void normalizers(ArrayNode normalizers) {
    if (isSet(LOWERS)) {
      normalizers.addObject().put("type", "Lowercase");
    }
    if (file.characterMap().length > 0) {
      normalizers
          .addObject()
          .put("type", PRECOMPILED)
          .put("precompiled_charsmap", Base64.getEncoder().encodeToString(file.characterMap()));
    }
    if (file.removesSpaces()) {
      replace(normalizers.addObject(), "Regex", "\\A +| +\\z", "");
      replace(normalizers.addObject(), "Regex", " {2,}", " ");
    }
    if (file.addsSpace() && config.path("add_prefix_space").asBoolean(true)) {
      normalizers.addObject().put("type", "Prepend").put("prepend", SPACE);
    }
    replace(normalizers.addObject(), "String", " ", SPACE);
  }

  private void unigram(ObjectNode model, Map<String, Integer> ids) {
    int unknown = file.unknownId();
    if (unknown < 0) {
      throw file.refused("it has no piece for unknown text");
    }
    model.put("type", "Unigram").put("unk_id", ids.get(file.pieces().get(unknown).text()));
    ArrayNode scores = model.putArray("vocab");
    vocabulary.forEach((piece, score) -> scores.addArray().add(piece).add(score));
    model.put("byte_fallback", file.fallsBackToBytes());
  }

  private void bytePairs(ObjectNode model, Map<String, Integer> ids) {
    model.put("type", "BPE").putNull("dropout");
    if (file.unknownId() >= 0) {
      model.put("unk_token", file.pieces().get(file.unknownId()).text());
    }
    model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    model.put("fuse_unk", true).put("byte_fallback", file.fallsBackToBytes());
    ObjectNode all = model.putObject("vocab");
    ids.forEach(all::put);
    ArrayNode merges = model.putArray("merges");
    PieceMerges.of(file.pieces(), ids).forEach(merges::add);
  }

  private static void replace(ObjectNode node, String kind, String pattern, String content) {
    node.put("type", "Replace").putObject("pattern").put(kind, pattern);
    node.put("content", content);
  }

  // ---- special tokens

  private void postProcessor(ObjectNode tree, Map<String, Integer> ids) {
    switch (family) {
      // Llama's default is the one before a text.
      case LLAMA ->
          template(
              tree,
              ids,
              config.path("add_bos_token").asBoolean(true) ? special(file.beginId()) : null,
              List.of(),
              config.path("add_eos_token").asBoolean(false) ? special(file.endId()) : null);
      case DEBERTA -> template(tree, ids, "[CLS]", List.of("[SEP]"), "[SEP]");
      case XLM_ROBERTA -> template(tree, ids, "<s>", List.of("</s>", "</s>"), "</s>");
      default -> throw new IllegalStateException(family.toString());
    }
  }

  private String special(int id) {
    return id >= 0 && id < file.pieces().size() ? file.pieces().get(id).text() : null;
  }

  /**
   * Says which special tokens stand around texts.
   *
   * @param between what a second text follows; where nothing is, it has a beginning of its own
   */
  private void template(
      ObjectNode tree, Map<String, Integer> ids, String begin, List<String> between, String end) {
    ObjectNode post = tree.putObject("post_processor").put("type", "TemplateProcessing");
    ArrayNode single = post.putArray("single");
    token(single, begin, 0);
    text(single, "A", 0);
    token(single, end, 0);
    ArrayNode pair = post.putArray("pair");
    token(pair, begin, 0);
    text(pair, "A", 0);
    int second = family == Family.XLM_ROBERTA ? 0 : 1;
    if (between.isEmpty()) {
      token(pair, end, 0);
      token(pair, begin, second);
    } else {
      between.forEach(token -> token(pair, token, 0));
    }
    text(pair, "B", second);
    token(pair, end, second);
    ObjectNode tokens = post.putObject("special_tokens");
    for (String token : new String[] {begin, end}) {
      if (token != null) {
        ObjectNode entry = tokens.putObject(token).put("id", token);
        entry.putArray("ids").add(ids.get(token));
        entry.putArray("tokens").add(token);
      }
    }
  }

  private static void token(ArrayNode parts, String token, int type) {
    if (token != null) {
      parts.addObject().putObject("SpecialToken").put("id", token).put("type_id", type);
    }
  }

  private static void text(ArrayNode parts, String text, int type) {
    parts.addObject().putObject("Sequence").put("id", text).put("type_id", type);
  }
}
