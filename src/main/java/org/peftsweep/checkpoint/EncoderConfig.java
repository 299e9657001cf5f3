package org.peftsweep.checkpoint;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The {@code config.json} of a bidirectional encoder with learnt positions; defaults are those of
 * {@code BertConfig} and {@code RobertaConfig} in the reference library.
 */
public final class EncoderConfig {
  private EncoderConfig() {}

  /**
   * Reads it.
   *
   * @param padTokenId where the file names none
   */
  public static ModelConfig read(ConfigFile file, Architecture architecture, int padTokenId) {
    double dropout = file.probability("hidden_dropout_prob", 0.1);
    return read(file, architecture, padTokenId, file.whole("type_vocab_size"), dropout);
  }

  /**
   * Reads it where some keys may be absent.
   *
   * @param padTokenId where the file names none
   * @param tokenTypes rows of the token type embedding, 0 for none
   * @param classifierDropout where the file names none
   */
  public static ModelConfig read(
      ConfigFile file,
      Architecture architecture,
      int padTokenId,
      int tokenTypes,
      double classifierDropout) {
    file.requireWord("position_embedding_type", "absolute");
    file.require(
        !file.flag("is_decoder", false),
        "is_decoder",
        true,
        "only encoders of this model_type can be built");
    return new ModelConfig(
        architecture,
        file.sizes(file.whole("num_attention_heads"), tokenTypes),
        file.positive("layer_norm_eps", 1e-12),
        new ModelConfig.Dropout(
            file.probability("hidden_dropout_prob", 0.1),
            file.probability("attention_probs_dropout_prob", 0.1),
            file.probability("classifier_dropout", classifierDropout)),
        OptionalInt.of(file.padTokenId().orElse(padTokenId)),
        Optional.empty(),
        true,
        true,
        file.flag("tie_word_embeddings", true),
        file.positive("initializer_range", 0.02),
        file.labels());
  }

  /** Returns what {@link #read} takes besides the keys of all architectures. */
  public static Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>();
    entries.put("type_vocab_size", config.sizes().tokenTypes());
    entries.put("layer_norm_eps", config.normEpsilon());
    entries.put("position_embedding_type", "absolute");
    entries.put("hidden_dropout_prob", config.dropout().hidden());
    entries.put("attention_probs_dropout_prob", config.dropout().attention());
    entries.put("classifier_dropout", config.dropout().classifier());
    return entries;
  }
}
