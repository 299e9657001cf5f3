package org.peftsweep.model;

import java.util.Map;
import org.peftsweep.checkpoint.DecoderConfig;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/**
 * What Llama and the decoders after it share. They classify by the right-most real token's state.
 */
interface DecoderArchitecture extends ModelArchitecture {
  /** A classifier that is one projection. */
  record Classifier(Linear score) implements Head {
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

  /** Returns in what its layers differ from Llama's. */
  default Decoder.Variant variant(ModelConfig config) {
    return new Decoder.Variant(config.attentionBias(), false);
  }

  /**
   * Returns what a language model's logits are held below, by the rule of scores; 0 for nothing.
   */
  default float logitCap() {
    return 0;
  }

  @Override
  default String prefix() {
    return "model.";
  }

  @Override
  default String activation() {
    return "silu";
  }

  @Override
  default Map<String, Object> entries(ModelConfig config) {
    return DecoderConfig.entries(config);
  }

  @Override
  default Backbone backbone(ModelConfig config, Builder builder) {
    return new Decoder(config, builder, variant(config));
  }

  @Override
  default Head nextToken(ModelConfig config, Backbone backbone, Builder builder) {
    return NextTokenHead.of(config, backbone, builder, "lm_head", logitCap());
  }

  @Override
  default Head classifier(ModelConfig config, int outputs, Builder builder) {
    return new Classifier(builder.headLinear("score", outputs, config.sizes().hidden(), false));
  }
}
