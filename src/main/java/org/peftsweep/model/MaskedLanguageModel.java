package org.peftsweep.model;

import java.util.List;
import java.util.function.BiConsumer;
import org.peftsweep.checkpoint.Family;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * RoBERTa (arXiv:1907.11692) or BERT (arXiv:1810.04805) with its masked-language-model head: dense,
 * GELU, layer norm, and a projection to the vocabulary by the word embeddings themselves plus a
 * bias.
 */
public final class MaskedLanguageModel implements AutoCloseable {
  private final Builder builder;
  private final Encoder encoder;
  private final Linear dense;
  private final Norm norm;
  private final Parameter bias;

  public MaskedLanguageModel(ModelConfig config, Backend backend, Weights weights) {
    builder = new Builder(backend, weights);
    encoder = new Encoder(config, builder);
    int width = config.sizes().hidden();
    boolean isBert = config.family() == Family.BERT;
    String inner = isBert ? "cls.predictions.transform." : "lm_head.";
    dense =
        new Linear(
            inner + "dense",
            builder.base(inner + "dense.weight", Role.HEAD, -1, Fresh.NORMAL, width, width),
            builder.base(inner + "dense.bias", Role.HEAD, -1, Fresh.ZEROS, width));
    norm =
        builder.norm(
            inner + (isBert ? "LayerNorm" : "layer_norm"), -1, width, config.normEpsilon());
    bias =
        builder.base(
            isBert ? "cls.predictions.bias" : "lm_head.bias",
            Role.HEAD,
            -1,
            Fresh.ZEROS,
            config.sizes().vocabulary());
  }

  /** Lets every parameter learn. */
  public MaskedLanguageModel train() {
    builder.parameters().forEach(parameter -> parameter.train(builder.backend()));
    return this;
  }

  /**
   * Returns scores of every token {@code [rows.length, vocabulary]} at places in {@code
   * [batch·tokens]}.
   */
  public Var logits(Tape tape, Batch batch, int[] rows) {
    Packed packed = Packed.of(List.of(batch), own -> rows);
    Var x = Encoder.hidden(tape, List.of(encoder), packed);
    Var inner = dense.forwardGelu(tape, x);
    Var normed = norm.of(tape, inner);
    return tape.linear(normed, encoder.words().var(), bias.var());
  }

  /** Returns every parameter, in a fixed order. */
  public List<Parameter> parameters() {
    return List.copyOf(builder.parameters());
  }

  /** Hands every tensor's Hugging Face name and values to a writer. */
  public void forEachTensor(BiConsumer<Parameter, float[]> writer) {
    for (Parameter parameter : builder.parameters()) {
      writer.accept(parameter, TrainedTensors.floats(parameter, builder.backend()));
    }
  }

  @Override
  public void close() {
    builder.close();
  }
}
