package org.peftsweep.model;

import java.util.List;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.DecoderConfig;
import org.peftsweep.checkpoint.ModelConfig;

/** Llama (arXiv:2302.13971, 2407.21783). */
public record LlamaArchitecture() implements DecoderArchitecture {
  @Override
  public List<String> modelTypes() {
    return List.of("llama");
  }

  @Override
  public List<String> relatives() {
    return List.of(
        "bloom",
        "cohere",
        "falcon",
        "gpt_neox",
        "granite",
        "mpt",
        "olmo",
        "olmo2",
        "phi",
        "phi3",
        "smollm3",
        "stablelm",
        "starcoder2");
  }

  @Override
  public String className() {
    return "Llama";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    return DecoderConfig.read(file, this, file.flag("attention_bias", false));
  }
}
