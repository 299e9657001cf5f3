package org.peftsweep.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.EncoderConfig;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Tape;

/**
 * MPNet (arXiv:2004.09297): RoBERTa's encoder without token types, whose layers add a learnt number
 * for each head and bucket of distances to their scores.
 */
public record MpnetArchitecture() implements ModelArchitecture {
  /** Of the reference library, whatever config.json says. */
  private static final int PAD_TOKEN_ID = 1;

  private static final String BUCKETS = "relative_attention_num_buckets";

  @Override
  public List<String> modelTypes() {
    return List.of("mpnet");
  }

  @Override
  public String className() {
    return "MPNet";
  }

  @Override
  public String prefix() {
    return "mpnet.";
  }

  @Override
  public String activation() {
    return "gelu";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    int buckets = file.whole(BUCKETS, BucketedDistances.BUCKETS);
    file.require(
        buckets == BucketedDistances.BUCKETS,
        BUCKETS,
        buckets,
        "only " + BucketedDistances.BUCKETS + " can be built");
    ModelConfig config =
        EncoderConfig.read(
            file, this, PAD_TOKEN_ID, 0, file.probability("hidden_dropout_prob", 0.1));
    file.require(
        config.padTokenId().orElseThrow() == PAD_TOKEN_ID,
        "pad_token_id",
        config.padTokenId().orElseThrow(),
        "only 1 can be built, from which positions are counted");
    return config;
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>(EncoderConfig.entries(config));
    entries.remove("type_vocab_size");
    entries.put(BUCKETS, BucketedDistances.BUCKETS);
    return entries;
  }

  @Override
  public int positionOffset(ModelConfig config) {
    return PAD_TOKEN_ID + 1;
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    EncoderNames names =
        EncoderNames.ofBert(prefix())
            .embedding(true, false)
            .attending(
                "attention.attn.q",
                "attention.attn.k",
                "attention.attn.v",
                "attention.attn.o",
                "attention.LayerNorm");
    int first = positionOffset(config);
    return new Encoder(
        config,
        builder,
        batch -> PositionIds.ofTokens(batch, first),
        names,
        encoder ->
            new BucketedDistances(config, builder, "mpnet.encoder.relative_attention_bias.weight"));
  }

  @Override
  public Head classifier(ModelConfig config, int outputs, Builder builder) {
    int width = config.sizes().hidden();
    float dropout = (float) config.dropout().hidden();
    return new FirstTokenHead(
        builder.headLinear("classifier.dense", width, width, true),
        Tape::tanh,
        builder.headLinear("classifier.out_proj", outputs, width, true),
        dropout,
        dropout);
  }

  @Override
  public Head maskedTokens(ModelConfig config, Backbone backbone, Builder builder) {
    return MaskedTokenHead.of(
        config, backbone, builder, "lm_head.dense", "lm_head.layer_norm", "lm_head");
  }
}
