package org.peftsweep.compute;

import java.util.List;

/**
 * Products of weights that do not learn with an activation between them, where products round their
 * factors to halves and take them so ({@link Products#takesHalves}): what lies between is stored as
 * they round it, once and not anew for each reader, in half the memory. No number is another than
 * by {@link Tape#linear} and the activation by themselves.
 */
public final class FeedForward {
  private FeedForward() {}

  /** Whether a tape computes such products so; the weights, from the first to the last. */
  public static boolean isFor(Tape tape, Var... weights) {
    if (tape.isGraph()) {
      return false;
    }
    for (Var each : weights) {
      Weight weight = each.weight();
      boolean isFixed = !each.learns() && !weight.type().isQuantised();
      if (!isFixed || !tape.products().takesHalves(weight.rows(), weight.columns())) {
        return false;
      }
    }
    return true;
  }

  /**
   * {@code GELU(x·upᵀ + shift)·downᵀ + bias}.
   *
   * @param shift which does not learn, or null
   * @param bias likewise
   */
  public static Var gelu(Tape tape, Var x, Var up, Var shift, Var down, Var bias) {
    Backend backend = tape.backend();
    Tensor added = shift == null ? null : shift.value();
    Tensor before = product(tape, x, up);
    Tensor kept = kept(tape, x, before);
    Tensor y = tape.arena().take(ElementType.BF16, before.shape());
    backend.geluToHalves(before, added, kept, y);
    before.release();
    return last(
        tape,
        x,
        y,
        down,
        bias,
        dInner -> {
          Tensor dBefore = tape.arena().take(ElementType.BF16, dInner.shape());
          backend.geluBackwardOfHalves(kept, added, dInner, dBefore);
          dInner.release();
          handOn(tape, x, up, dBefore);
        },
        kept == null ? List.of() : List.of(kept));
  }

  /** {@code (SiLU(x·gateᵀ) ⊙ x·upᵀ)·downᵀ + bias}, bias or null. */
  public static Var swiglu(Tape tape, Var x, Var gate, Var up, Var down, Var bias) {
    Backend backend = tape.backend();
    Tensor open = product(tape, x, gate);
    Tensor wide = product(tape, x, up);
    Tensor keptGate = kept(tape, x, open);
    Tensor keptUp = kept(tape, x, wide);
    Tensor y = tape.arena().take(ElementType.BF16, open.shape());
    backend.swigluToHalves(open, wide, keptGate, keptUp, y);
    open.release();
    wide.release();
    return last(
        tape,
        x,
        y,
        down,
        bias,
        dInner -> {
          Tensor dGate = tape.arena().take(ElementType.BF16, dInner.shape());
          Tensor dUp = tape.arena().take(ElementType.BF16, dInner.shape());
          backend.swigluBackwardOfHalves(keptGate, keptUp, dInner, dGate, dUp);
          dInner.release();
          handOn(tape, x, up, dUp);
          handOn(tape, x, gate, dGate);
        },
        keptGate == null ? List.of() : List.of(keptGate, keptUp));
  }

  private static Tensor product(Tape tape, Var x, Var w) {
    Tensor in = x.value();
    Weight weight = w.weight();
    Shapes.requireProduct("multiply", in, in.columns(), weight, weight.columns());
    Tensor y = tape.arena().take(in.rows(), weight.rows());
    weight.linear(tape.products(), in, (Tensor) null, y);
    return y;
  }

  /** Returns where an activation's input is kept for the way back, null where there is none. */
  private static Tensor kept(Tape tape, Var x, Tensor before) {
    return tape.learns(x) ? tape.arena().take(ElementType.BF16, before.shape()) : null;
  }

  private static Var last(
      Tape tape, Var x, Tensor y, Var down, Var bias, Inner back, List<Tensor> saved) {
    Weight weight = down.weight();
    Tensor out = tape.arena().take(y.rows(), weight.rows());
    weight.linear(tape.products(), y, bias == null ? null : bias.value(), out);
    y.release();
    Var result =
        tape.operation(
            out,
            dy -> {
              Tensor dInner = tape.arena().take(dy.rows(), weight.columns());
              weight.linearBackward(tape.products(), dy, 0, dInner);
              back.run(dInner);
            },
            saved,
            x);
    saved.forEach(Tensor::release);
    return result;
  }

  /** Takes the gradient of the last product's input, and releases it, on the way back. */
  private interface Inner {
    void run(Tensor dInner);
  }

  private static void handOn(Tape tape, Var x, Var w, Tensor dy) {
    tape.gradients()
        .accumulate(x, (dx, beta) -> w.weight().linearBackward(tape.products(), dy, beta, dx));
    dy.release();
  }
}
