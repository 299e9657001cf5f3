package org.peftsweep.model;

import java.util.List;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Lanes;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/**
 * RoBERTa for sequence classification (arXiv:1907.11692): the first token's state through dropout,
 * a dense layer with tanh, dropout, and a projection to the outputs.
 */
final class Roberta implements Model {
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
  public List<Var> logits(Tape tape, List<? extends Model> models, List<Batch> batches) {
    List<Roberta> lanes = Pass.parts(models, Roberta.class::cast);
    Packed packed = Packed.of(batches, Pooling::first);
    Lanes rows = packed.chosen();
    float dropout = (float) config.dropout().classifier();
    Pass pass = new Pass(tape);
    Var first = Encoder.hidden(tape, Pass.parts(lanes, roberta -> roberta.encoder), packed);
    Var asked = tape.dropout(first, dropout, rows);
    Var inner = tape.tanh(pass.linear(Pass.parts(lanes, roberta -> roberta.dense), asked, rows));
    return pass.heads(
        Pass.parts(lanes, roberta -> roberta.projection), tape.dropout(inner, dropout, rows), rows);
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
