package org.peftsweep.compute;

import java.util.Arrays;

/** Dropout, of one seed or of one for each lane; what each does says {@link Tape}. */
final class DropoutOperations extends Operations {
  private final Feeds feeds;

  DropoutOperations(Recording step, Feeds feeds) {
    super(step);
    this.feeds = feeds;
  }

  Var dropout(Var x, float p) {
    if (!step.isTraining() || p == 0) {
      return x;
    }
    boolean learns = step.learns(x);
    Tensor y = step.consume(x);
    return dropout(p, y, y, x, learns);
  }

  Var dropout(Var x, float p, Lanes lanes) {
    if (!step.isTraining() || p == 0) {
      return x;
    }
    Tensor[] seeds = new Tensor[lanes.count()];
    Arrays.setAll(seeds, feeds::seed);
    boolean learns = step.learns(x);
    Tensor y = step.consume(x);
    drop(y, p, seeds, lanes, y);
    Var out = step.output(y, learns);
    step.record(out, dy -> gradients.give(x, dx -> drop(dy, p, seeds, lanes, dx)));
    return out;
  }

  Var dropoutOfCopy(Var x, float p) {
    if (!step.isTraining() || p == 0) {
      return x;
    }
    return dropout(p, x.value(), arena.take(x.value().shape()), x, step.learns(x));
  }

  private Var dropout(float p, Tensor from, Tensor y, Var x, boolean learns) {
    Tensor seed = feeds.seed();
    backend.dropout(from, p, seed, y);
    Var out = step.output(y, learns);
    step.record(out, dy -> gradients.give(x, dx -> backend.dropout(dy, p, seed, dx)));
    return out;
  }

  private void drop(Tensor x, float p, Tensor[] seeds, Lanes lanes, Tensor y) {
    for (int i = 0; i < seeds.length; i++) {
      backend.dropout(lanes.of(x, i), p, seeds[i], lanes.of(y, i));
    }
  }
}
