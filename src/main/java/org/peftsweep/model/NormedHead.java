package org.peftsweep.model;

import java.util.stream.IntStream;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/**
 * Classifies by the first token's state, or by the mean of all real tokens', through a dense layer
 * with GELU, layer norm, and a projection to the outputs.
 */
record NormedHead(Linear dense, Norm norm, Linear projection, float dropout, boolean takesMean)
    implements Head {
  @Override
  public String task() {
    return CLASSIFICATION;
  }

  @Override
  public int[] positions(Batch batch) {
    return takesMean ? null : Pooling.first(batch);
  }

  @Override
  public Var pooled(Tape tape, Var states, Packed packed, int lane) {
    if (!takesMean) {
      return states;
    }
    Batch batch = packed.batches().get(lane);
    int rows = batch.rows();
    int tokens = batch.tokens();
    Var choice = Var.constant(tape.floats(() -> new float[] {0, 1}).reshape(2, 1));
    Tensor mask = tape.ints("mask", () -> packed.batches().get(lane).mask());
    Var real = tape.gather(choice, mask);
    Var kept = tape.multiplyColumn(states, real);
    Var sum = summed(tape, kept, rows, tokens);
    Var count = summed(tape, real, rows, tokens);
    Tensor share = tape.arena().take(rows);
    tape.backend().reciprocal(count.value(), share.reshape(rows, 1));
    Var mean = tape.multiplyColumn(sum, Var.constant(share));
    for (Var done : new Var[] {real, kept, sum, count}) {
      tape.done(done);
    }
    tape.done(share);
    return mean;
  }

  /** Adds up the rows of each example. */
  private static Var summed(Tape tape, Var x, int rows, int tokens) {
    Var sum = null;
    for (int token = 0; token < tokens; token++) {
      int first = token;
      Tensor places =
          tape.ints("rows", () -> IntStream.range(0, rows).map(i -> i * tokens + first).toArray());
      Var part = tape.gather(x, places);
      if (sum == null) {
        sum = part;
      } else {
        sum = tape.addScaled(sum, 1, part);
        tape.done(part);
      }
    }
    return sum;
  }

  @Override
  public Var outputs(Tape tape, Var states) {
    Var inner = dense.forward(tape, states);
    Var active = tape.gelu(inner, null);
    tape.done(inner);
    Var normed = norm.of(tape, active);
    tape.done(active);
    return projection.forward(tape, tape.dropout(normed, dropout));
  }
}
