package org.peftsweep.model;

import java.util.List;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** A backbone and a head that were built together. */
record Transformer(ModelConfig config, Builder builder, Backbone backbone, Head head)
    implements Model {
  @Override
  public Var logits(Tape tape, Batch batch) {
    return logits(tape, batch, head.positions(batch));
  }

  @Override
  public Var logits(Tape tape, Batch batch, int[] positions) {
    return head.outputs(tape, backbone.hidden(tape, batch, positions));
  }

  @Override
  public String task() {
    return head.task();
  }

  @Override
  public void trace(Trace trace) {
    backbone.trace(trace);
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
    backbone.close();
    builder.close();
  }
}
