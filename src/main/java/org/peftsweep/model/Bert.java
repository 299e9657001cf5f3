package org.peftsweep.model;

import java.util.List;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * BERT for sequence classification (arXiv:1810.04805): the first token's state through the pooler
 * (dense and tanh, part of the base, drawn anew where a checkpoint has none), dropout, and a
 * projection to the outputs.
 */
final class Bert implements Model {
  private final ModelConfig config;
  private final Builder builder;
  private final Encoder encoder;
  private final Linear pooler;
  private final Linear projection;

  Bert(ModelConfig config, int outputs, Backend backend, Weights weights) {
    this.config = config;
    this.builder = new Builder(backend, weights);
    this.encoder = new Encoder(config, builder);
    int width = config.sizes().hidden();
    // No sweep file names the pooler as a target, but adapters from elsewhere may adapt it.
    this.pooler =
        builder.projection(
            new Linear(
                "bert.pooler.dense",
                builder.optional(
                    "bert.pooler.dense.weight", Role.POOLER, Fresh.NORMAL, width, width),
                builder.optional("bert.pooler.dense.bias", Role.POOLER, Fresh.ZEROS, width)));
    this.projection = builder.headLinear("classifier", outputs, width, true);
  }

  /** Returns the pooler's output {@code [rows, width]}. */
  Var pooled(Tape tape, Batch batch) {
    return tape.tanh(pooler.forward(tape, encoder.hidden(tape, batch, Pooling.first(batch))));
  }

  @Override
  public Var logits(Tape tape, Batch batch) {
    float dropout = (float) config.dropout().classifier();
    return projection.forward(tape, tape.dropout(pooled(tape, batch), dropout));
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
