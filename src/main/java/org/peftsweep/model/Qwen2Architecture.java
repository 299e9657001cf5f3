package org.peftsweep.model;

import java.util.List;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.DecoderConfig;
import org.peftsweep.checkpoint.ModelConfig;

/** Qwen2 and Qwen2.5 (arXiv:2407.10671): Llama's layers, with biases of query, key and value. */
public record Qwen2Architecture() implements DecoderArchitecture {
  @Override
  public List<String> modelTypes() {
    return List.of("qwen2");
  }

  @Override
  public List<String> relatives() {
    return List.of("qwen2_moe");
  }

  @Override
  public String className() {
    return "Qwen2";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    return DecoderConfig.withinWindowIfUsed(file, DecoderConfig.read(file, this, true));
  }

  @Override
  public Decoder.Variant variant(ModelConfig config) {
    return new Decoder.Variant(false, false);
  }
}
