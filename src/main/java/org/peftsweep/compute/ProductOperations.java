package org.peftsweep.compute;

import java.util.Arrays;
import java.util.Objects;

/** Products with weights and with the factors of adapters; what each does says {@link Tape}. */
final class ProductOperations extends Operations {
  private final Feeds feeds;
  private final DropoutOperations dropouts;

  ProductOperations(Recording step, Feeds feeds, DropoutOperations dropouts) {
    super(step);
    this.feeds = feeds;
    this.dropouts = dropouts;
  }

  Var linear(Var x, Var w, Var bias) {
    Tensor in = x.value();
    Weight weight = w.weight();
    Shapes.requireProduct("multiply", in, in.columns(), weight, weight.columns());
    Tensor y = arena.take(in.rows(), weight.rows());
    weight.linear(step.products(), in, bias == null ? null : bias.value(), y);
    Var out = step.output(y, x, w, bias);
    step.record(
        out,
        dy -> {
          gradients.accumulate(
              x, (dx, beta) -> weight.linearBackward(step.products(), dy, beta, dx));
          gradients.product(w, true, dy, false, in, 1);
          if (bias != null) {
            gradients.sum(bias, dy);
          }
        },
        w.learns() ? in : null,
        x.learns() ? w.kept() : null);
    return out;
  }

  Var linear(Var x, Var w, Var[] biases, Lanes lanes) {
    if (Arrays.stream(biases).allMatch(Objects::isNull)) {
      return linear(x, w, null);
    }
    Tensor in = x.value();
    Weight weight = w.weight();
    Shapes.requireProduct("multiply", in, in.columns(), weight, weight.columns());
    Tensor y = arena.take(in.rows(), weight.rows());
    Tensor[] added = new Tensor[biases.length];
    Arrays.setAll(added, i -> biases[i] == null ? null : biases[i].value());
    weight.linear(step.products(), in, added, lanes, y);
    boolean learns = step.learns(x, w) || step.learns(biases);
    Var out = step.output(y, learns);
    step.record(
        out,
        dy -> {
          gradients.accumulate(
              x, (dx, beta) -> weight.linearBackward(step.products(), dy, beta, dx));
          gradients.product(w, true, dy, false, in, 1);
          for (int i = 0; i < biases.length; i++) {
            if (biases[i] != null) {
              gradients.sum(biases[i], lanes.of(dy, i));
            }
          }
        },
        w.learns() ? in : null,
        x.learns() ? w.kept() : null);
    return out;
  }

  Var lowRank(Var base, Var x, Var a, Var b, float scale) {
    return lowRank(base, new DroppedInput(x, 0, null), a, b, scale);
  }

  Var lowRank(Var base, Var x, float p, Var a, Var b, float scale) {
    if (dropsWithin(x, p, a)) {
      return lowRank(base, dropped(x, p), a, b, scale);
    }
    Var input = dropouts.dropoutOfCopy(x, p);
    Var y = lowRank(base, input, a, b, scale);
    doneUnless(x, input);
    return y;
  }

  private Var lowRank(Var base, DroppedInput input, Var a, Var b, float scale) {
    Var x = input.x();
    Tensor in = x.value();
    Shapes.requireProduct("multiply", in, in.columns(), a.value(), a.value().columns());
    Tensor inner = arena.take(in.rows(), a.value().rows());
    input.times(backend, step.products(), a.value(), inner);
    boolean learns = step.learns(base, x, a, b);
    Tensor y = step.consume(base);
    step.products().gemm(false, true, scale, inner, b.value(), 1, y);
    Var out = step.output(y, learns);
    step.record(
        out,
        dy -> {
          gradients.share(base, dy);
          gradients.product(b, true, dy, false, inner, scale);
          if (x.learns() || a.learns()) {
            Tensor dInner = arena.take(in.rows(), a.value().rows());
            step.products().gemm(false, false, scale, dy, b.value(), 0, dInner);
            input.back(backend, gradients, a, dInner);
            releaseAfterOthers(dInner, a);
          }
        },
        a.learns() ? in : null,
        a.value(),
        b.value(),
        b.learns() ? inner : null);
    releaseAfterOthers(inner, a);
    return out;
  }

  Var linearOfDropped(Var x, float p, Var w) {
    if (!dropsWithin(x, p, w)) {
      Var input = dropouts.dropoutOfCopy(x, p);
      Var y = linear(input, w, null);
      doneUnless(x, input);
      return y;
    }
    Tensor in = x.value();
    Shapes.requireProduct("multiply", in, in.columns(), w.value(), w.value().columns());
    DroppedInput input = dropped(x, p);
    Tensor y = arena.take(in.rows(), w.value().rows());
    input.times(backend, step.products(), w.value(), y);
    Var out = step.output(y, x, w);
    step.record(
        out,
        dy -> input.back(backend, gradients, w, dy),
        w.learns() ? in : null,
        x.learns() ? w.value() : null);
    return out;
  }

  /** Whether products with w draw the dropout of x themselves. */
  private boolean dropsWithin(Var x, float p, Var w) {
    return step.isTraining()
        && p > 0
        && !step.isGraph()
        && w.kept() != null
        && step.products().areSmall(x.value().rows(), w.value().rows(), w.value().columns());
  }

  /**
   * Gives back what a product with w left; later, where others of its kind may run together with it
   * if they do not get the same memory.
   */
  private void releaseAfterOthers(Tensor inner, Var w) {
    if (!step.products().areSmall(inner.rows(), w.value().rows(), w.value().columns())) {
      inner.release();
      return;
    }
    step.releaseLater(inner);
  }

  private DroppedInput dropped(Var x, float p) {
    return new DroppedInput(x, p, feeds.seed());
  }

  private void doneUnless(Var x, Var input) {
    if (input != x) {
      step.done(input);
    }
  }
}
