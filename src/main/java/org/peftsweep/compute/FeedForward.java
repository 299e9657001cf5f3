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
    Var before = product(tape, x, up);
    Tensor kept = kept(tape, before);
    Tensor y = tape.arena().take(ElementType.BF16, before.value().shape());
    backend.geluToHalves(before.value(), added, kept, y);
    Var inner =
        tape.operation(
            y,
            dInner -> {
              Tensor dBefore = tape.arena().take(ElementType.BF16, dInner.shape());
              backend.geluBackwardOfHalves(kept, added, dInner, dBefore);
              before.setGradient(dBefore);
            },
            saved(kept),
            before);
    saved(kept).forEach(Tensor::release);
    tape.done(before);
    return last(tape, inner, down, bias);
  }

  /** {@code (SiLU(x·gateᵀ) ⊙ x·upᵀ)·downᵀ + bias}, bias or null. */
  public static Var swiglu(Tape tape, Var x, Var gate, Var up, Var down, Var bias) {
    Backend backend = tape.backend();
    Var open = product(tape, x, gate);
    Var wide = product(tape, x, up);
    Tensor keptGate = kept(tape, open);
    Tensor keptUp = kept(tape, wide);
    Tensor y = tape.arena().take(ElementType.BF16, open.value().shape());
    backend.swigluToHalves(open.value(), wide.value(), keptGate, keptUp, y);
    Var inner =
        tape.operation(
            y,
            dInner -> {
              Tensor dGate = tape.arena().take(ElementType.BF16, dInner.shape());
              Tensor dUp = tape.arena().take(ElementType.BF16, dInner.shape());
              backend.swigluBackwardOfHalves(keptGate, keptUp, dInner, dGate, dUp);
              open.setGradient(dGate);
              wide.setGradient(dUp);
            },
            saved(keptGate, keptUp),
            open,
            wide);
    saved(keptGate, keptUp).forEach(Tensor::release);
    tape.done(open);
    tape.done(wide);
    return last(tape, inner, down, bias);
  }

  /** {@code x·wᵀ}, whose gradient will be halves. */
  private static Var product(Tape tape, Var x, Var w) {
    Tensor in = x.value();
    Weight weight = w.weight();
    Shapes.requireProduct("multiply", in, in.columns(), weight, weight.columns());
    Tensor y = tape.arena().take(in.rows(), weight.rows());
    weight.linear(tape.products(), in, (Tensor) null, y);
    return tape.operation(y, dy -> handOn(tape, x, weight, dy), List.of(), x);
  }

  /** Returns where an activation's input is kept for the way back, null where there is none. */
  private static Tensor kept(Tape tape, Var before) {
    return tape.learns(before) ? tape.arena().take(ElementType.BF16, before.value().shape()) : null;
  }

  /** Returns what an operation keeps; nothing where there is no way back. */
  private static List<Tensor> saved(Tensor... kept) {
    return kept[0] == null ? List.of() : List.of(kept);
  }

  /** {@code inner·downᵀ + bias} of halves; inner is done. */
  private static Var last(Tape tape, Var inner, Var down, Var bias) {
    Tensor in = inner.value();
    Weight weight = down.weight();
    Tensor y = tape.arena().take(in.rows(), weight.rows());
    weight.linear(tape.products(), in, bias == null ? null : bias.value(), y);
    Var out = tape.operation(y, dy -> handOn(tape, inner, weight, dy), List.of(), inner);
    tape.done(inner);
    return out;
  }

  private static void handOn(Tape tape, Var x, Weight weight, Tensor dy) {
    tape.gradients()
        .accumulate(x, (dx, beta) -> weight.linearBackward(tape.products(), dy, beta, dx));
  }
}
