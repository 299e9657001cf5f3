package org.peftsweep.model;

import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.EncoderConfig;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Tape;

/**
 * RoBERTa (arXiv:1907.11692): an encoder that counts positions of real tokens, from behind the
 * padding token's id. It classifies by the first token's state through dropout, a dense layer with
 * tanh, dropout, and a projection to the outputs.
 */
public record RobertaArchitecture() implements ModelArchitecture {
  private static final int PAD_TOKEN_ID = 1;

  @Override
  public List<String> modelTypes() {
    return List.of("roberta", "xlm-roberta", "camembert");
  }

  @Override
  public List<String> relatives() {
    return List.of("longformer", "roberta-prelayernorm", "xlm-roberta-xl", "xmod");
  }

  @Override
  public String className() {
    return "Roberta";
  }

  @Override
  public String prefix() {
    return "roberta.";
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
  public int positionOffset(ModelConfig config) {
    return config.padTokenId().orElse(0) + 1;
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    int first = positionOffset(config);
    return new Encoder(config, builder, batch -> PositionIds.ofTokens(batch, first));
  }

  @Override
  public Head classifier(ModelConfig config, int outputs, Builder builder) {
    int width = config.sizes().hidden();
    float dropout = (float) config.dropout().classifier();
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
