package org.peftsweep.model;

import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.EncoderConfig;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Tape;
import org.peftsweep.model.Weights.Fresh;

/**
 * BERT (arXiv:1810.04805): an encoder whose positions count from 0, padding included. It classifies
 * by the first token's state through the pooler (dense and tanh, part of the base, drawn anew where
 * a checkpoint has none), dropout, and a projection to the outputs.
 */
public record BertArchitecture() implements ModelArchitecture {
  private static final int PAD_TOKEN_ID = 0;

  @Override
  public List<String> modelTypes() {
    return List.of("bert");
  }

  @Override
  public List<String> relatives() {
    return List.of("albert", "mobilebert", "roformer", "squeezebert");
  }

  @Override
  public String className() {
    return "Bert";
  }

  @Override
  public String prefix() {
    return "bert.";
  }

  @Override
  public String activation() {
    return "gelu";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    return EncoderConfig.read(file, this, PAD_TOKEN_ID);
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    return EncoderConfig.entries(config);
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    return new Encoder(config, builder, PositionIds::ofPlaces);
  }

  @Override
  public Head classifier(ModelConfig config, int outputs, Builder builder) {
    int width = config.sizes().hidden();
    // No sweep file names the pooler as a target, but adapters from elsewhere may adapt it.
    Linear pooler =
        builder.projection(
            new Linear(
                "bert.pooler.dense",
                builder.optional(
                    "bert.pooler.dense.weight", Role.POOLER, Fresh.NORMAL, width, width),
                builder.optional("bert.pooler.dense.bias", Role.POOLER, Fresh.ZEROS, width)));
    return new FirstTokenHead(
        pooler,
        Tape::tanh,
        builder.headLinear("classifier", outputs, width, true),
        0,
        (float) config.dropout().classifier());
  }

  @Override
  public Head maskedTokens(ModelConfig config, Backbone backbone, Builder builder) {
    return MaskedTokenHead.of(
        config,
        backbone,
        builder,
        "cls.predictions.transform.dense",
        "cls.predictions.transform.LayerNorm",
        "cls.predictions");
  }
}
