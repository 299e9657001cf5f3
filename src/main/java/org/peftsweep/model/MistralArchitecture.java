package org.peftsweep.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.DecoderConfig;
import org.peftsweep.checkpoint.ModelConfig;

/**
 * Mistral (arXiv:2310.06825): Llama's layers, whose attention looks back a window of tokens. Inputs
 * are no longer than the window, within which that makes no difference.
 */
public record MistralArchitecture() implements DecoderArchitecture {
  @Override
  public List<String> modelTypes() {
    return List.of("mistral");
  }

  @Override
  public List<String> relatives() {
    return List.of("ministral", "mixtral");
  }

  @Override
  public String className() {
    return "Mistral";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    return DecoderConfig.withinWindow(file, DecoderConfig.read(file, this, false));
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>(DecoderArchitecture.super.entries(config));
    entries.put("sliding_window", null);
    return entries;
  }
}
