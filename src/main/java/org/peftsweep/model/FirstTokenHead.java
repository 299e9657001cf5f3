package org.peftsweep.model;

import java.util.function.BiFunction;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/**
 * Classifies by the first token's state, through a dense layer with an activation and a projection
 * to the outputs.
 *
 * @param dropoutBefore of the state
 * @param dropout of what the projection reads
 */
record FirstTokenHead(
    Linear dense,
    BiFunction<Tape, Var, Var> activation,
    Linear projection,
    float dropoutBefore,
    float dropout)
    implements Head {
  @Override
  public String task() {
    return CLASSIFICATION;
  }

  @Override
  public int[] positions(Batch batch) {
    return Pooling.first(batch);
  }

  @Override
  public Var outputs(Tape tape, Var states) {
    Var inner = dense.forward(tape, tape.dropout(states, dropoutBefore));
    return projection.forward(tape, tape.dropout(activation.apply(tape, inner), dropout));
  }
}
