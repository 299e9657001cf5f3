package org.peftsweep.model;

import java.util.List;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/**
 * RoBERTa for sequence classification (arXiv:1907.11692): the first token's state through dropout,
 * a dense layer with tanh, dropout, and a projection to the outputs.
 */
final class Roberta implements TracedModel {
  private final ModelConfig config;
  private final Builder builder;
  private final Encoder encoder;
  private final Linear dense;
  private final Linear projection;

  Roberta(ModelConfig config, int outputs, Backend backend, Weights weights) {
    this.config = config;
    this.builder = new Builder(backend, weights);
    this.encoder = new Encoder(config, builder);
    int width = config.sizes().hidden();
    this.dense = builder.headLinear("classifier.dense", width, width, true);
    this.projection = builder.headLinear("classifier.out_proj", outputs, width, true);
  }

  @Override
  public Var logits(Tape tape, Batch batch) {
    float dropout = (float) config.dropout().classifier();
    Var first = encoder.hidden(tape, batch, Pooling.first(batch));
    Var inner = tape.tanh(dense.forward(tape, tape.dropout(first, dropout)));
    return projection.forward(tape, tape.dropout(inner, dropout));
  }

  @Override
  public void trace(Trace trace) {
    encoder.trace(trace);
  }

  @Override
  public List<Parameter> parameters() {
    return builder.parameters();
  }

  @Override
  public List<Linear> projections() {
    return builder.projections();
  }

  @Override
  public int layers() {
    return config.sizes().layers();
  }

  @Override
  public void close() {
    builder.close();
  }
}
