package org.peftsweep.model;

import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.ConfigFile;
import org.peftsweep.checkpoint.DecoderConfig;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** Llama (arXiv:2302.13971, 2407.21783). It classifies by the right-most real token's state. */
public record LlamaArchitecture() implements ModelArchitecture {
  private record Classifier(Linear score) implements Head {
    @Override
    public String task() {
      return CLASSIFICATION;
    }

    @Override
    public int[] positions(Batch batch) {
      return Pooling.lastReal(batch);
    }

    @Override
    public Var outputs(Tape tape, Var states) {
      return score.forward(tape, states);
    }
  }

  @Override
  public List<String> modelTypes() {
    return List.of("llama");
  }

  @Override
  public String className() {
    return "Llama";
  }

  @Override
  public String prefix() {
    return "model.";
  }

  @Override
  public String activation() {
    return "silu";
  }

  @Override
  public ModelConfig read(ConfigFile file) {
    return DecoderConfig.read(file, this);
  }

  @Override
  public Map<String, Object> entries(ModelConfig config) {
    return DecoderConfig.entries(config);
  }

  @Override
  public Backbone backbone(ModelConfig config, Builder builder) {
    return new Llama(config, builder);
  }

  @Override
  public Head classifier(ModelConfig config, int outputs, Builder builder) {
    return new Classifier(builder.headLinear("score", outputs, config.sizes().hidden(), false));
  }
}
