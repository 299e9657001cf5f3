package org.peftsweep.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.EncoderConfig;
import org.peftsweep.checkpoint.ModelConfig;

/**
 * DistilBERT (arXiv:1910.01108): BERT's encoder without token types. It classifies by the first
 * token's state through a dense layer with ReLU, dropout, and a projection to the outputs.
 */
public record DistilBertArchitecture() implements ModelArchitecture {
  private static final int PAD_TOKEN_ID = 0;

  /** How its config.json calls what others do. */
  private static final Map<String, String> KEYS =
      Map.of(
          "hidden_size", "dim",
          "num_hidden_layers", "n_layers",
          "num_attention_heads", "n_heads",
          "intermediate_size", "hidden_dim",
          "hidden_act", "activation",
          "hidden_dropout_prob", "dropout",
          "attention_probs_dropout_prob", "attention_dropout",
          "classifier_dropout", "seq_classif_dropout");

  /** Of all of them, whatever their files say, as in the reference library. */
  private static final double NORM_EPSILON = 1e-12;

  @Override
  public List<String> modelTypes() {
    return List.of("distilbert");
  }

  @Override
  public String className() {
    return "DistilBert";
  }

  @Override
  public String prefix() {
    return "distilbert.";
  }

  @Override
  public String activation() {
    return "gelu";
  }

  @Override
  public Map<String, String> keys() {
    return KEYS;
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    ModelConfig read = EncoderConfig.read(file, this, PAD_TOKEN_ID, 0, 0.2);
    return new ModelConfig(
        this,
        read.sizes(),
        NORM_EPSILON,
        read.dropout(),
        read.padTokenId(),
        read.rope(),
        read.attentionBias(),
        read.mlpBias(),
        read.tiedEmbeddings(),
        read.initializerRange(),
        read.labels());
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>(EncoderConfig.entries(config));
    entries.remove("layer_norm_eps");
    return entries;
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    EncoderNames names =
        new EncoderNames(
            "distilbert.embeddings.",
            true,
            false,
            "distilbert.embeddings_project",
            false,
            "distilbert.transformer.layer.",
            "attention.q_lin",
            "attention.k_lin",
            "attention.v_lin",
            "attention.out_lin",
            "sa_layer_norm",
            "ffn.lin1",
            "ffn.lin2",
            "output_layer_norm",
            "attention",
            "ffn");
    return new Encoder(config, builder, PositionIds::ofPlaces, names);
  }

  @Override
  public Head classifier(ModelConfig config, int outputs, Builder builder) {
    int width = config.sizes().hidden();
    return new FirstTokenHead(
        builder.headLinear("pre_classifier", width, width, true),
        Activations::relu,
        builder.headLinear("classifier", outputs, width, true),
        0,
        (float) config.dropout().classifier());
  }
}
