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
    return pooled(tape, List.of(this), Packed.of(List.of(batch), Pooling::first));
  }

  private static Var pooled(Tape tape, List<Bert> lanes, Packed packed) {
    Var first = Encoder.hidden(tape, Pass.parts(lanes, bert -> bert.encoder), packed);
    List<Linear> poolers = Pass.parts(lanes, bert -> bert.pooler);
    return tape.tanh(new Pass(tape).linear(poolers, first, packed.chosen()));
  }

  @Override
  public List<Var> logits(Tape tape, List<? extends Model> models, List<Batch> batches) {
    List<Bert> lanes = Pass.parts(models, Bert.class::cast);
    Packed packed = Packed.of(batches, Pooling::first);
    Var pooled = pooled(tape, lanes, packed);
    float dropout = (float) config.dropout().classifier();
    Var inner = tape.dropout(pooled, dropout, packed.chosen());
    return new Pass(tape).heads(Pass.parts(lanes, bert -> bert.projection), inner, packed.chosen());
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
