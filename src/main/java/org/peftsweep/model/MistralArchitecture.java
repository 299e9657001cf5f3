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
  private static final String WINDOW = "sliding_window";

  /** Of {@code MistralConfig} in the reference library, whose null is none. */
  private static final int DEFAULT_WINDOW = 4096;

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
    ModelConfig config = DecoderConfig.read(file, this, false);
    return file.isNull(WINDOW)
        ? config
        : config.with(
            config
                .sizes()
                .withPositions(
                    Math.min(config.sizes().positions(), file.whole(WINDOW, DEFAULT_WINDOW))));
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    Map<String, Object> entries = new LinkedHashMap<>(DecoderArchitecture.super.entries(config));
    entries.put(WINDOW, null);
    return entries;
  }
}
