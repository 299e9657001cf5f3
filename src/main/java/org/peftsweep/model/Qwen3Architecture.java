package org.peftsweep.model;

import java.util.List;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.DecoderConfig;
import org.peftsweep.checkpoint.ModelConfig;

/**
 * Qwen3 (arXiv:2505.09388): Llama's layers, with an RMS norm of each head's query and key before
 * they turn.
 */
public record Qwen3Architecture() implements DecoderArchitecture {
  @Override
  public List<String> modelTypes() {
    return List.of("qwen3");
  }

  @Override
  public List<String> relatives() {
    return List.of("qwen3_moe");
  }

  @Override
  public String className() {
    return "Qwen3";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    // The reference library's default is no quotient of others here.
    file.whole("head_dim");
    boolean hasBias = file.flag("attention_bias", false);
    return DecoderConfig.withinWindowIfUsed(file, DecoderConfig.read(file, this, hasBias));
  }

  @Override
  public Decoder.Variant variant(ModelConfig config) {
    return new Decoder.Variant(config.attentionBias(), true);
  }
}
