package org.peftsweep.compute;

/** The losses of a step; what each does says {@link Tape}. */
final class LossOperations extends Operations {
  private final Feeds feeds;

  /** Losses alone, so that they lie side by side. */
  private final Arena numbers;

  LossOperations(Recording step, Feeds feeds, Arena numbers) {
    super(step);
    this.feeds = feeds;
    this.numbers = numbers;
  }

  Tensor crossEntropy(Var logits, Tensor labels) {
    return loss(
        logits, (gradient, loss) -> backend.crossEntropy(logits.value(), labels, gradient, loss));
  }

  Tensor meanSquaredError(Var x, Tensor wanted) {
    return loss(x, (gradient, loss) -> backend.meanSquaredError(x.value(), wanted, gradient, loss));
  }

  Tensor orthonormality(Var x, boolean ofRows, double weight) {
    Tensor matrix = x.value();
    int side = ofRows ? matrix.rows() : matrix.columns();
    Tensor excess = arena.take(side, side);
    backend.copy(feeds.floats(() -> identity(side)), excess);
    backend.gemm(!ofRows, ofRows, 1, matrix, matrix, -1, excess);
    Tensor loss = numbers.take(ElementType.F64, 1);
    backend.normalise(excess, weight, loss);
    if (step.learns(x)) {
      Tensor gradient = arena.take(matrix.shape());
      if (ofRows) {
        backend.gemm(false, false, 2, excess, matrix, 0, gradient);
      } else {
        backend.gemm(false, false, 2, matrix, excess, 0, gradient);
      }
      step.always(dy -> gradients.share(x, gradient), gradient);
    }
    excess.release();
    return loss.place();
  }

  Tensor norm(Var x, double weight) {
    Tensor gradient = arena.take(x.value().shape());
    backend.copy(x.value(), gradient);
    Tensor loss = numbers.take(ElementType.F64, 1);
    backend.normalise(gradient, weight, loss);
    if (step.learns(x)) {
      step.always(dy -> gradients.share(x, gradient), gradient);
    } else {
      gradient.release();
    }
    return loss.place();
  }

  private static float[] identity(int side) {
    float[] identity = new float[side * side];
    for (int i = 0; i < side; i++) {
      identity[i * side + i] = 1;
    }
    return identity;
  }

  private interface Loss {
    void compute(Tensor gradient, Tensor loss);
  }

  private Tensor loss(Var x, Loss loss) {
    Tensor value = numbers.take(ElementType.F64, 1);
    if (!step.learns(x)) {
      loss.compute(null, value);
      return value.place();
    }
    Tensor gradient = arena.take(x.value().shape());
    loss.compute(gradient, value);
    step.always(dy -> gradients.share(x, gradient), gradient);
    return value.place();
  }
}
