package org.peftsweep.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.checkpoint.Placement;

/**
 * GPT-2 (Radford et al., 2019): a decoder with learnt positions. Its checkpoints have matrices
 * turned, and query, key and value as one, {@code c_attn}, which are three here.
 */
public record Gpt2Architecture() implements DecoderArchitecture {
  /** How its config.json calls what others do. */
  private static final Map<String, String> KEYS =
      Map.of(
          "hidden_size", "n_embd",
          "num_hidden_layers", "n_layer",
          "num_attention_heads", "n_head",
          "intermediate_size", "n_inner",
          "max_position_embeddings", "n_positions",
          "hidden_act", "activation_function",
          "hidden_dropout_prob", "resid_pdrop",
          "attention_probs_dropout_prob", "attn_pdrop",
          "layer_norm_eps", "layer_norm_epsilon");

  private static final String EMBEDDING_DROPOUT = "embd_pdrop";

  private static final Pattern TURNED =
      Pattern.compile("(.*\\.h\\.\\d+\\.(?:attn|mlp)\\.c_\\w+)(?:\\.(query|key|value))?(\\.\\w+)");

  private static final List<String> JOINED = List.of("query", "key", "value");

  @Override
  public List<String> modelTypes() {
    return List.of("gpt2");
  }

  @Override
  public List<String> relatives() {
    return List.of("gpt_bigcode", "gpt_neo", "gptj", "opt", "codegen");
  }

  @Override
  public Map<String, String> keys() {
    return KEYS;
  }

  @Override
  public String className() {
    return "GPT2";
  }

  @Override
  public String prefix() {
    return "transformer.";
  }

  @Override
  public Placement placement(String name) {
    Matcher matcher = TURNED.matcher(name);
    if (!matcher.matches()) {
      return Placement.of(name);
    }
    String part = matcher.group(2);
    return part == null
        ? new Placement(name, true, 0, 1)
        : new Placement(
            matcher.group(1) + matcher.group(3), true, JOINED.indexOf(part), JOINED.size());
  }

  @Override
  public String activation() {
    return "gelu_new";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    for (String key : List.of("scale_attn_by_inverse_layer_idx", "add_cross_attention")) {
      file.require(!file.flag(key, false), key, true, "only false can be built");
    }
    String scaled = "scale_attn_weights";
    file.require(file.flag(scaled, true), scaled, false, "only true can be built");
    double dropout = file.probability("hidden_dropout_prob", 0.1);
    double ofEmbeddings = file.probability(EMBEDDING_DROPOUT, 0.1);
    file.require(
        ofEmbeddings == dropout,
        EMBEDDING_DROPOUT,
        ofEmbeddings,
        "give that of resid_pdrop = " + dropout);
    return new ModelConfig(
        this,
        file.sizes(file.whole("num_attention_heads"), 0, 4 * file.whole("hidden_size")),
        file.positive("layer_norm_eps", 1e-5),
        new ModelConfig.Dropout(dropout, file.probability("attention_probs_dropout_prob", 0.1), 0),
        file.padTokenId(),
        Optional.empty(),
        true,
        true,
        file.flag("tie_word_embeddings", true),
        file.positive("initializer_range", 0.02),
        file.labels());
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>();
    entries.put("layer_norm_eps", config.normEpsilon());
    entries.put("hidden_dropout_prob", config.dropout().hidden());
    entries.put("attention_probs_dropout_prob", config.dropout().attention());
    entries.put(EMBEDDING_DROPOUT, config.dropout().hidden());
    return entries;
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    PreNorm.Names names =
        new PreNorm.Names(
            "transformer.wte",
            "transformer.wpe",
            null,
            "transformer.h.",
            "ln_1",
            true,
            "attn",
            "attn.c_attn.query",
            "attn.c_attn.key",
            "attn.c_attn.value",
            "attn.c_proj",
            "ln_2",
            "mlp",
            null,
            "mlp.c_fc",
            "mlp.c_proj",
            "transformer.ln_f");
    return new PreNorm(
        config,
        builder,
        new PreNorm.Variant(
            names, true, List.of(), new int[config.sizes().layers()], true, Activations::geluTanh));
  }
}
