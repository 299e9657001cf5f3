package org.peftsweep.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.EncoderConfig;
import org.peftsweep.checkpoint.ModelConfig;

/**
 * ELECTRA's discriminator (arXiv:2003.10555): BERT's encoder, behind a projection where its
 * embeddings are narrower than its layers. It classifies by the first token's state through
 * dropout, a dense layer with GELU, dropout, and a projection to the outputs.
 */
public record ElectraArchitecture() implements ModelArchitecture {
  private static final int PAD_TOKEN_ID = 0;
  private static final String EMBEDDING_SIZE = "embedding_size";

  /** Of {@code ElectraConfig} in the reference library. */
  private static final int DEFAULT_EMBEDDING_SIZE = 128;

  @Override
  public List<String> modelTypes() {
    return List.of("electra");
  }

  @Override
  public String className() {
    return "Electra";
  }

  @Override
  public String prefix() {
    return "electra.";
  }

  @Override
  public String activation() {
    return "gelu";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    ModelConfig config =
        EncoderConfig.read(
            file,
            this,
            PAD_TOKEN_ID,
            file.whole("type_vocab_size", 2),
            file.probability("hidden_dropout_prob", 0.1));
    return config.with(
        config.sizes().withEmbedding(file.whole(EMBEDDING_SIZE, DEFAULT_EMBEDDING_SIZE)));
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>(EncoderConfig.entries(config));
    entries.put(EMBEDDING_SIZE, config.sizes().embedding());
    return entries;
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    return new Encoder(config, builder, PositionIds::ofPlaces);
  }

  @Override
  public Head classifier(ModelConfig config, int outputs, Builder builder) {
    int width = config.sizes().hidden();
    float dropout = (float) config.dropout().classifier();
    return new FirstTokenHead(
        builder.headLinear("classifier.dense", width, width, true),
        (tape, x) -> tape.gelu(x, null),
        builder.headLinear("classifier.out_proj", outputs, width, true),
        dropout,
        dropout);
  }
}
