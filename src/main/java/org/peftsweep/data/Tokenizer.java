package org.peftsweep.data;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;

/**
 * Text to token ids, by Hugging Face's own tokenizers through DJL; safe for use by many threads.
 *
 * <p>Special tokens are those of the tokenizer's post-processor: RoBERTa writes a pair as {@code
 * <s> a </s></s> b </s>}, BERT as {@code [CLS] a [SEP] b [SEP]}. Truncation takes from the longer
 * text first. Padding and truncation settings in {@code tokenizer.json} are not used.
 */
public final class Tokenizer implements AutoCloseable {

  /** Tokens that a cut text has at least: a pair has up to four special ones. */
  public static final int LEAST_TOKENS = 4;

  private static final List<String> PAD_TOKENS =
      List.of("<pad>", "[PAD]", "<|finetune_right_pad_id|>");
  private static final List<String> MASK_TOKENS = List.of("<mask>", "[MASK]");
  private static final List<String> END_TOKENS =
      List.of("</s>", "<|end_of_text|>", "<|endoftext|>");

  /** After a turn of a conversation, where the end of a text is another token. */
  private static final List<String> TURN_ENDS =
      List.of("<|eot_id|>", "<|im_end|>", "<end_of_turn>", "<|end|>");

  static {
    // DJL would else look for a build for the local GPU, and report each load to its makers.
    setDefault("RUST_FLAVOR", "cpu");
    setDefault("ai.djl.offline", "true");
    setDefault("OPT_OUT_TRACKING", "true");
  }

  private final String json;
  private final UnaryOperator<String> prepares;
  private final String used;
  private final JsonNode config;
  private final TokenizerVocabulary vocabulary;
  private final int padId;
  private final OptionalInt maskId;
  private final OptionalInt endId;
  private final String place;
  private final HuggingFaceTokenizer unlimited;
  private final Map<Integer, HuggingFaceTokenizer> limited = new ConcurrentHashMap<>();

  private Tokenizer(TokenizerSource source, JsonNode config, String place) {
    this.place = place;
    ObjectNode tree = source.json();
    json = unbounded(tree);
    prepares = source.prepares();
    used = unbounded(source.bare());
    this.config = config;
    vocabulary = TokenizerVocabulary.of(tree);
    maskId = vocabulary.find(TokenizerFiles.token(config, "mask_token"), MASK_TOKENS);
    endId = vocabulary.find(TokenizerFiles.token(config, "eos_token"), END_TOKENS);
    padId =
        vocabulary
            .find(TokenizerFiles.token(config, "pad_token"), PAD_TOKENS)
            .orElse(endId.orElse(0));
    unlimited = load(used, 0);
  }

  /**
   * Opens a local folder that holds {@code tokenizer.json}, or {@code vocab.json} and {@code
   * merges.txt}, or {@code vocab.txt}, or a model file of SentencePiece: {@code tokenizer.model},
   * {@code spm.model} of DeBERTa or {@code sentencepiece.bpe.model} of XLM-RoBERTa.
   *
   * @throws DataException if none is there or it cannot be used
   */
  public static Tokenizer open(Path folder) {
    return open(folder, folder.toString());
  }

  /**
   * The same.
   *
   * @param place what messages call the folder
   */
  public static Tokenizer open(Path folder, String place) {
    JsonNode config = TokenizerFiles.config(folder);
    return of(TokenizerFiles.source(folder, config), config, place);
  }

  /** A tokenizer from the text of a {@code tokenizer.json}. */
  public static Tokenizer ofJson(String json) {
    ObjectNode config = TokenizerFiles.JSON.createObjectNode();
    TokenizerSource source = new TokenizerSource(TokenizerFiles.parse(json, "tokenizer.json"));
    return of(source, config, "tokenizer.json");
  }

  private static String unbounded(ObjectNode tree) {
    tree.putNull("truncation");
    tree.putNull("padding");
    return tree.toString();
  }

  private static Tokenizer of(TokenizerSource source, JsonNode config, String place) {
    try {
      return new Tokenizer(source, config, place);
    } catch (DataException e) {
      throw e;
    } catch (RuntimeException e) {
      String fault = TokenizerFaults.ofLoading(source.bare(), Tokenizer::loads);
      throw new DataException(
          "Cannot use the tokenizer of " + place + ": " + fault + "; supply another", e);
    }
  }

  private static boolean loads(ObjectNode tree) {
    try (HuggingFaceTokenizer loaded = load(unbounded(tree), 0)) {
      return true;
    } catch (RuntimeException e) {
      return false;
    }
  }

  /** One text with special tokens, of any length. */
  public Encoded encode(String text) {
    return encoded(cut(unlimited, prepares.apply(text), null, true));
  }

  /** One text with special tokens, cut to {@code maxTokens} in all. */
  public Encoded encode(String text, int maxTokens) {
    return encoded(cut(limited(maxTokens), prepares.apply(text), null, true));
  }

  /** Two texts with special tokens, cut to {@code maxTokens} in all, longest first. */
  public Encoded encode(String first, String second, int maxTokens) {
    HuggingFaceTokenizer limited = limited(maxTokens);
    return encoded(cut(limited, prepares.apply(first), prepares.apply(second), true));
  }

  /** An example's text or texts with special tokens, cut to {@code maxTokens} in all. */
  public Encoded encode(Example example, int maxTokens) {
    return example.isPair()
        ? encode(example.first(), example.second(), maxTokens)
        : encode(example.first(), maxTokens);
  }

  /**
   * The ids of the start of a text that a language model goes on with, [tokens]: with the special
   * tokens before it, without an end.
   */
  public int[] prompt(String text) {
    int[] ids = encode(text).ids();
    int last = ids.length - 1;
    boolean isEnded = endId().isPresent() && last >= 0 && ids[last] == endId().getAsInt();
    return isEnded ? Arrays.copyOf(ids, last) : ids;
  }

  /**
   * The text of a conversation that a user begins and the model is to answer, for {@link
   * #encodeRaw}.
   *
   * @throws DataException if the model has no chat template
   */
  public String question(String text) {
    return chatTemplate().render(List.of(new Message("user", text)), true, "a question");
  }

  /** The ids of a text without special tokens, [tokens]. */
  public int[] encodeRaw(String text) {
    return ints(cut(unlimited, prepares.apply(text), null, false).getIds());
  }

  /** The text of ids; special tokens are written out. */
  public String decode(int[] ids) {
    return unlimited.decode(Arrays.stream(ids).asLongStream().toArray(), false);
  }

  /** The text of ids without special tokens. */
  public String text(int[] ids) {
    return unlimited.decode(Arrays.stream(ids).asLongStream().toArray(), true);
  }

  /** The id that fills short rows: the padding token, else the end token, else 0. */
  public int padId() {
    return padId;
  }

  /** The id of the token that ends a text; empty where the vocabulary has none. */
  public OptionalInt endId() {
    return endId;
  }

  /** The ids of the tokens that end a text or a turn of a conversation. */
  public Set<Integer> endIds() {
    Set<Integer> ids = new TreeSet<>();
    endId.ifPresent(ids::add);
    for (String token : TURN_ENDS) {
      idOf(token).ifPresent(ids::add);
    }
    return ids;
  }

  /**
   * The template by which conversations become texts.
   *
   * @throws DataException if the model has none
   */
  public ChatTemplate chatTemplate() {
    JsonNode template = config.path("chat_template");
    if (template.isArray()) {
      // Several by name, of which this one is for plain conversations.
      for (JsonNode named : template) {
        if (named.path("name").asText().equals("default")) {
          template = named.path("template");
          break;
        }
      }
    }
    if (!template.isTextual()) {
      throw new DataException(
          "Cannot write conversations for the tokenizer of "
              + place
              + ": it has no chat_template in tokenizer_config.json and no chat_template.jinja;"
              + " supply one, or give a prompt column");
    }
    Map<String, String> tokens = new HashMap<>();
    for (String key : List.of("bos_token", "eos_token", "pad_token", "unk_token")) {
      String token = TokenizerFiles.token(config, key);
      if (token != null) {
        tokens.put(key, token);
      }
    }
    return new ChatTemplate(template.textValue(), tokens, place);
  }

  /** The id of the mask token; empty where the vocabulary has none. */
  public OptionalInt maskId() {
    return maskId;
  }

  /** The id of a token as the vocabulary spells it; empty where it has none. */
  public OptionalInt idOf(String token) {
    return vocabulary.find(null, List.of(token));
  }

  /** The token of an id as the vocabulary spells it; empty where it has none. */
  public Optional<String> token(int id) {
    return Optional.ofNullable(vocabulary.name(id));
  }

  /** The lowest id that stands for another token in another vocabulary; empty for none. */
  public OptionalInt firstDifference(Tokenizer other) {
    return vocabulary.firstDifference(other.vocabulary);
  }

  /** Whether an id stands for a special token, such as {@code <s>}, rather than for text. */
  public boolean isSpecial(int id) {
    return vocabulary.isSpecial(id);
  }

  /** One more than the largest id: the rows that an embedding must have at least. */
  public int vocabularyTokens() {
    return vocabulary.tokens();
  }

  /** The {@code tokenizer.json} of this tokenizer, on one line. */
  public String json() {
    return json;
  }

  /**
   * Writes {@code tokenizer.json} and {@code tokenizer_config.json}, with which Hugging Face's
   * transformers give the same ids.
   *
   * @param maxTokens longest input that the model takes, special tokens included
   * @param hasTypes whether the model tells a first text from a second by their token types
   */
  public void write(Path folder, int maxTokens, boolean hasTypes) {
    ObjectNode settings =
        TokenizerConfig.of(vocabulary, config, vocabulary.name(padId), maxTokens, hasTypes);
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("tokenizer.json"), json);
      Files.writeString(folder.resolve("tokenizer_config.json"), settings.toPrettyString() + "\n");
    } catch (IOException e) {
      throw FileFaults.cannot("write the tokenizer to", folder, e);
    }
  }

  @Override
  public void close() {
    unlimited.close();
    limited.values().forEach(HuggingFaceTokenizer::close);
  }

  private HuggingFaceTokenizer limited(int maxTokens) {
    if (maxTokens < LEAST_TOKENS) {
      throw new IllegalArgumentException(
          "Cannot cut texts to "
              + maxTokens
              + " tokens: give at least "
              + LEAST_TOKENS
              + ", for the special tokens");
    }
    return limited.computeIfAbsent(maxTokens, tokens -> load(used, tokens));
  }

  /** Cuts a text, or two where there is a second. */
  private Encoding cut(
      HuggingFaceTokenizer tokenizer, String first, String second, boolean addsSpecial) {
    try {
      return second == null
          ? tokenizer.encode(first, addsSpecial, false)
          : tokenizer.encode(first, second, addsSpecial, false);
    } catch (RuntimeException e) {
      throw new DataException(
          "Cannot cut \"%s\" into tokens of the tokenizer of %s: %s; supply the tokenizer that the model was trained with"
              .formatted(
                  Shown.exact(second == null ? first : first + " " + second),
                  place,
                  TokenizerFaults.ofCutting(TokenizerFiles.parse(used, place))),
          e);
    }
  }

  private static HuggingFaceTokenizer load(String json, int maxTokens) {
    Map<String, String> options =
        maxTokens == 0
            ? Map.of("truncation", "false", "padding", "false")
            : Map.of(
                "truncation",
                "LONGEST_FIRST",
                "padding",
                "false",
                "maxLength",
                String.valueOf(maxTokens),
                "modelMaxLength",
                String.valueOf(maxTokens));
    try {
      return HuggingFaceTokenizer.newInstance(
          new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)), options);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Encoded encoded(Encoding encoding) {
    return new Encoded(ints(encoding.getIds()), ints(encoding.getTypeIds()));
  }

  private static int[] ints(long[] values) {
    return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
  }

  private static void setDefault(String property, String value) {
    if (System.getProperty(property) == null && System.getenv(property) == null) {
      System.setProperty(property, value);
    }
  }
}
