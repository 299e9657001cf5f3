package org.peftsweep.compute;

import java.util.Arrays;

/** Operations element by element; what each does says {@link Tape}. */
final class ElementOperations extends Operations {
  /**
   * Rows that are widened at once, at least: some megabytes, which stay in a processor's caches. A
   * device takes as many as keep it busy.
   */
  private static final int WIDENED_ROWS = 256;

  ElementOperations(Recording step) {
    super(step);
  }

  Var addScaled(Var a, float alpha, Var b) {
    Shapes.requireSame("add", a.value(), b.value());
    boolean learns = step.learns(a, b);
    Tensor y = step.consume(a);
    backend.addScaled(alpha, b.value(), y);
    Var out = step.output(y, learns);
    step.record(
        out,
        dy -> {
          gradients.share(a, dy);
          if (alpha == 1) {
            gradients.share(b, dy);
          } else {
            gradients.give(b, db -> backend.scale(alpha, dy, db));
          }
        });
    return out;
  }

  Var multiply(Var a, Var b) {
    Shapes.requireSame("multiply element by element", a.value(), b.value());
    Tensor y = arena.take(a.value().shape());
    backend.multiply(a.value(), b.value(), y);
    Var out = step.output(y, a, b);
    step.record(
        out,
        dy -> {
          gradients.give(a, da -> backend.multiply(dy, b.value(), da));
          gradients.give(b, db -> backend.multiply(dy, a.value(), db));
        },
        a.value(),
        b.value());
    return out;
  }

  Var tanh(Var x) {
    Tensor y = arena.take(x.value().shape());
    backend.tanh(x.value(), y);
    Var out = step.output(y, x);
    step.record(out, dy -> gradients.give(x, dx -> backend.tanhBackward(y, dy, dx)), y);
    return out;
  }

  Var gelu(Var x, Var bias) {
    Tensor in = x.value();
    Tensor shift = bias == null ? null : bias.value();
    Tensor y = arena.take(in.shape());
    backend.gelu(in, shift, y);
    Var out = step.output(y, x, bias);
    Tensor kept = keep(out, in);
    step.record(
        out,
        dy -> {
          Tensor dx = dy.isSolelyHeld() ? dy.retain() : arena.take(in.shape());
          restore(
              (before, from, rows) ->
                  backend.geluBackward(
                      before[0], shift, dy.slice(from, rows), dx.slice(from, rows)),
              kept);
          if (bias != null) {
            gradients.sum(bias, dx);
          }
          gradients.share(x, dx);
          dx.release();
        },
        kept);
    kept.release();
    return out;
  }

  Var swiglu(Var gate, Var up) {
    Tensor y = arena.take(gate.value().shape());
    backend.swiglu(gate.value(), up.value(), y);
    Var out = step.output(y, gate, up);
    Tensor keptGate = keep(out, gate.value());
    Tensor keptUp = keep(out, up.value());
    step.record(
        out,
        dy -> {
          Tensor dGate = arena.take(dy.shape());
          Tensor dUp = arena.take(dy.shape());
          restore(
              (before, from, rows) ->
                  backend.swigluBackward(
                      before[0],
                      before[1],
                      dy.slice(from, rows),
                      dGate.slice(from, rows),
                      dUp.slice(from, rows)),
              keptGate,
              keptUp);
          gradients.share(gate, dGate);
          gradients.share(up, dUp);
          dGate.release();
          dUp.release();
        },
        keptGate,
        keptUp);
    keptGate.release();
    keptUp.release();
    return out;
  }

  /** Returns what to save of an activation's input, in half the memory where products round it. */
  private Tensor keep(Var out, Tensor x) {
    if (!out.learns() || step.factors() != ElementType.BF16) {
      return x.retain();
    }
    Tensor half = arena.take(step.factors(), x.shape());
    backend.copy(x, half);
    return half;
  }

  /** A way back over some rows, with what was kept of them as 32-bit floats. */
  private interface RowsBack {
    void run(Tensor[] before, int from, int rows);
  }

  /** Runs a way back, over few rows at a time where they must be widened first. */
  private void restore(RowsBack back, Tensor... kept) {
    int all = kept[0].rows();
    if (kept[0].type() == ElementType.F32) {
      back.run(kept, 0, all);
      return;
    }
    int most = Math.max(WIDENED_ROWS, step.passRows());
    Tensor[] wide = new Tensor[kept.length];
    Arrays.setAll(wide, i -> arena.take(Math.min(all, most), kept[i].columns()));
    for (int from = 0; from < all; from += most) {
      int rows = Math.min(most, all - from);
      Tensor[] before = new Tensor[kept.length];
      for (int i = 0; i < kept.length; i++) {
        before[i] = wide[i].slice(0, rows);
        backend.copy(kept[i].slice(from, rows), before[i]);
      }
      back.run(before, from, rows);
    }
    for (Tensor each : wide) {
      each.release();
    }
  }

  Var scale(Var x, float alpha) {
    Tensor y = arena.take(x.value().shape());
    backend.scale(alpha, x.value(), y);
    Var out = step.output(y, x);
    step.record(out, dy -> gradients.give(x, dx -> backend.scale(alpha, dy, dx)));
    return out;
  }
}
