package org.peftsweep.checkpoint;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The {@code config.json} of a decoder with rotary positions, RMS norm and SwiGLU; defaults are
 * those of {@code LlamaConfig} in the reference library.
 */
public final class DecoderConfig {
  private static final List<String> ROPE_TYPES = List.of("default", "linear", "llama3", "yarn");

  private static final String WINDOW = "sliding_window";

  private DecoderConfig() {}

  /**
   * Reads it.
   *
   * @param attentionBias whether query, key and value have a bias
   */
  public static ModelConfig read(
      ConfigFile file, Architecture architecture, boolean attentionBias) {
    int heads = file.whole("num_attention_heads");
    int keyValueHeads = file.whole("num_key_value_heads", heads);
    file.require(
        heads % keyValueHeads == 0,
        "num_key_value_heads",
        keyValueHeads,
        "it must divide num_attention_heads = " + heads);
    ModelConfig.Sizes sizes = file.sizes(keyValueHeads, 0);
    file.require(
        sizes.headWidth() % 2 == 0, "head_dim", sizes.headWidth(), "rotation needs even heads");
    return new ModelConfig(
        architecture,
        sizes,
        file.positive("rms_norm_eps", 1e-6),
        new ModelConfig.Dropout(0, file.probability("attention_dropout", 0), 0),
        file.padTokenId(),
        Optional.of(rope(file)),
        attentionBias,
        file.flag("mlp_bias", false),
        file.flag("tie_word_embeddings", false),
        file.positive("initializer_range", 0.02),
        file.labels());
  }

  /**
   * Returns a model for inputs that fit into the window that attention looks back, within which it
   * makes no difference. Where the file says nothing it is the reference library's 4,096 tokens,
   * and null is none.
   */
  public static ModelConfig withinWindow(ConfigFile file, ModelConfig config) {
    if (file.isNull(WINDOW)) {
      return config;
    }
    int most = Math.min(config.sizes().positions(), file.whole(WINDOW, 4096));
    return config.with(config.sizes().withPositions(most));
  }

  /** The same where {@code use_sliding_window} says that upper layers have a window. */
  public static ModelConfig withinWindowIfUsed(ConfigFile file, ModelConfig config) {
    return file.flag("use_sliding_window", false) ? withinWindow(file, config) : config;
  }

  /** From {@code rope_parameters}, or else from {@code rope_theta} and {@code rope_scaling}. */
  private static Rope rope(ConfigFile file) {
    ConfigFile settings =
        file.under(file.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
    double theta = settings.positive("rope_theta", file.positive("rope_theta", 10_000));
    double part = settings.positive("partial_rotary_factor", 1);
    settings.require(part == 1, "partial_rotary_factor", part, "only whole heads can be rotated");
    String type = settings.word("rope_type", settings.word("type", "default"));
    settings.require(ROPE_TYPES.contains(type), "rope_type", type, "choose one of " + ROPE_TYPES);
    return new Rope(
        theta,
        switch (type) {
          case "linear" -> new Rope.Linear(settings.positive("factor", null));
          case "llama3" ->
              new Rope.Llama3(
                  settings.positive("factor", null),
                  settings.positive("low_freq_factor", null),
                  settings.positive("high_freq_factor", null),
                  settings.whole("original_max_position_embeddings"));
          case "yarn" -> yarn(settings, file.whole("max_position_embeddings"));
          default -> new Rope.None();
        });
  }

  private static Rope.Yarn yarn(ConfigFile settings, int positions) {
    String key = "original_max_position_embeddings";
    int original = settings.whole(key, positions);
    // The reference library divides where a file leaves that to it.
    Double ratio = settings.has(key) ? (double) positions / original : null;
    double factor = settings.positive("factor", ratio);
    double attention = temperature(factor, 1);
    if (settings.has("mscale") && settings.has("mscale_all_dim")) {
      attention =
          temperature(factor, settings.positive("mscale", null))
              / temperature(factor, settings.positive("mscale_all_dim", null));
    }
    return new Rope.Yarn(
        factor,
        settings.positive("attention_factor", attention),
        settings.positive("beta_fast", 32),
        settings.positive("beta_slow", 1),
        original,
        settings.flag("truncate", true));
  }

  /** {@code √(1/t)} of YaRN, arXiv:2309.00071, §3.4. */
  private static double temperature(double factor, double scale) {
    return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  }

  /** Returns what {@link #read} takes besides the keys of all architectures. */
  public static Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>();
    entries.put("num_key_value_heads", config.sizes().keyValueHeads());
    entries.put("head_dim", config.sizes().headWidth());
    entries.put("rms_norm_eps", config.normEpsilon());
    entries.put("attention_bias", config.attentionBias());
    entries.put("mlp_bias", config.mlpBias());
    entries.put("attention_dropout", config.dropout().attention());
    config
        .rope()
        .ifPresent(
            rope -> {
              entries.put("rope_theta", rope.theta());
              entries.put("rope_scaling", scaling(rope.scaling()));
            });
    return entries;
  }

  private static Map<String, Object> scaling(Rope.Scaling scaling) {
    Map<String, Object> entries = new LinkedHashMap<>();
    if (scaling instanceof Rope.Linear linear) {
      entries.put("rope_type", "linear");
      entries.put("factor", linear.factor());
    } else if (scaling instanceof Rope.Llama3 llama3) {
      entries.put("rope_type", "llama3");
      entries.put("factor", llama3.factor());
      entries.put("low_freq_factor", llama3.lowFrequencyFactor());
      entries.put("high_freq_factor", llama3.highFrequencyFactor());
      entries.put("original_max_position_embeddings", llama3.originalPositions());
    } else if (scaling instanceof Rope.Yarn yarn) {
      entries.put("rope_type", "yarn");
      entries.put("factor", yarn.factor());
      entries.put("attention_factor", yarn.attentionFactor());
      entries.put("beta_fast", yarn.fastTurns());
      entries.put("beta_slow", yarn.slowTurns());
      entries.put("original_max_position_embeddings", yarn.originalPositions());
      entries.put("truncate", yarn.wholePairs());
    }
    return entries.isEmpty() ? null : entries;
  }
}
