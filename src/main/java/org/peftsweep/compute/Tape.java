package org.peftsweep.compute;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Runs kernels forward, remembers what their gradients need, and plays them back.
 *
 * <p>A step is {@link #start}, any number of operations, a loss, {@link #backward}. Activations and
 * gradients live in an {@link Arena} until the next start. No gradient is computed for what does
 * not learn, and nothing is remembered for it.
 *
 * <p>Operations that say they <em>consume</em> an argument may write into its memory when no
 * gradient needs its value; the caller must not use that argument afterwards. {@link #done} tells
 * the tape that the caller will not use a value again, so that its memory serves others as soon as
 * no gradient needs it either.
 */
public final class Tape implements AutoCloseable {
  /** The way back of one operation, given the gradient of its output. */
  private interface Back {
    void run(Tensor dy);
  }

  private record Node(Var out, Back back, Tensor... saved) {}

  private final Backend backend;
  private final Arena arena;
  private final List<Node> nodes = new ArrayList<>();
  private boolean training;
  private long dropoutSeed;
  private long dropoutCount;

  public Tape(Backend backend) {
    this.backend = backend;
    this.arena = new Arena(backend);
  }

  public Backend backend() {
    return backend;
  }

  public Arena arena() {
    return arena;
  }

  /**
   * Begins a step that will be played back, with dropout on; values of the step before are gone.
   */
  public void startTraining(long seed) {
    reset(true, seed);
  }

  /** Begins a step without gradients and without dropout; values of the step before are gone. */
  public void startEvaluation() {
    reset(false, 0);
  }

  /** Whether this step has gradients and dropout. */
  public boolean isTraining() {
    return training;
  }

  /** Plays the recorded operations back from every loss of this step. */
  public void backward() {
    for (int i = nodes.size() - 1; i >= 0; i--) {
      Node node = nodes.get(i);
      if (node.out == null) {
        node.back.run(null);
      } else if (node.out.hasGradient()) {
        Tensor dy = node.out.gradient();
        node.back.run(dy);
        dy.release();
      }
      for (Tensor saved : node.saved) {
        if (saved != null) {
          saved.release();
        }
      }
    }
    nodes.clear();
  }

  /** Says that the caller will not read this value again. */
  public void done(Var x) {
    if (!x.isLeaf()) {
      x.value().release();
    }
  }

  /** Says that the caller will not read this scratch tensor of the arena again. */
  public void done(Tensor scratch) {
    scratch.release();
  }

  // ---- products

  /** {@code x·wᵀ + bias}: x {@code [n, in]}, w {@code [out, in]}, bias {@code [out]} or null. */
  public Var linear(Var x, Var w, Var bias) {
    Tensor in = x.value();
    Weight weight = w.weight();
    Shapes.requireProduct("multiply", in, in.columns(), weight, weight.columns());
    Tensor y = arena.take(in.rows(), weight.rows());
    weight.linear(backend, in, bias == null ? null : bias.value(), y);
    Var out = output(y, x, w, bias);
    record(
        out,
        dy -> {
          accumulate(x, (dx, beta) -> weight.linearBackward(backend, dy, beta, dx));
          product(w, true, dy, false, in, 1);
          if (bias != null) {
            sum(bias, dy);
          }
        },
        w.learns() ? in : null,
        x.learns() ? w.kept() : null);
    return out;
  }

  /**
   * {@code base + scale·(x·aᵀ)·bᵀ}, the low-rank update of LoRA (arXiv:2106.09685); consumes base.
   *
   * @param base {@code [n, out]}
   * @param x {@code [n, in]}
   * @param a {@code [rank, in]}
   * @param b {@code [out, rank]}
   */
  public Var lowRank(Var base, Var x, Var a, Var b, float scale) {
    Tensor in = x.value();
    Shapes.requireProduct("multiply", in, in.columns(), a.value(), a.value().columns());
    Tensor inner = arena.take(in.rows(), a.value().rows());
    backend.gemm(false, true, 1, in, a.value(), 0, inner);
    boolean learns = learns(base, x, a, b);
    Tensor y = consume(base);
    backend.gemm(false, true, scale, inner, b.value(), 1, y);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          share(base, dy);
          product(b, true, dy, false, inner, scale);
          if (x.learns() || a.learns()) {
            Tensor dInner = arena.take(in.rows(), a.value().rows());
            backend.gemm(false, false, scale, dy, b.value(), 0, dInner);
            product(a, true, dInner, false, in, 1);
            product(x, false, dInner, false, a.value(), 1);
            dInner.release();
          }
        },
        a.learns() ? in : null,
        a.value(),
        b.value(),
        b.learns() ? inner : null);
    inner.release();
    return out;
  }

  // ---- elementwise

  /** {@code a + alpha·b}; consumes a. */
  public Var addScaled(Var a, float alpha, Var b) {
    Shapes.requireSame("add", a.value(), b.value());
    boolean learns = learns(a, b);
    Tensor y = consume(a);
    backend.addScaled(alpha, b.value(), y);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          share(a, dy);
          if (alpha == 1) {
            share(b, dy);
          } else {
            give(b, db -> backend.scale(alpha, dy, db));
          }
        });
    return out;
  }

  /** {@code a ⊙ b}. */
  public Var multiply(Var a, Var b) {
    Shapes.requireSame("multiply element by element", a.value(), b.value());
    Tensor y = arena.take(a.value().shape());
    backend.multiply(a.value(), b.value(), y);
    Var out = output(y, a, b);
    record(
        out,
        dy -> {
          give(a, da -> backend.multiply(dy, b.value(), da));
          give(b, db -> backend.multiply(dy, a.value(), db));
        },
        a.value(),
        b.value());
    return out;
  }

  /** {@code tanh(x)}. */
  public Var tanh(Var x) {
    Tensor y = arena.take(x.value().shape());
    backend.tanh(x.value(), y);
    Var out = output(y, x);
    record(out, dy -> give(x, dx -> backend.tanhBackward(y, dy, dx)), y);
    return out;
  }

  /** {@code GELU(x + bias)}; bias {@code [columns]} or null. */
  public Var gelu(Var x, Var bias) {
    Tensor in = x.value();
    Tensor shift = bias == null ? null : bias.value();
    Tensor y = arena.take(in.shape());
    backend.gelu(in, shift, y);
    Var out = output(y, x, bias);
    record(
        out,
        dy -> {
          Tensor dx = dy.isSolelyHeld() ? dy.retain() : arena.take(in.shape());
          backend.geluBackward(in, shift, dy, dx);
          if (bias != null) {
            sum(bias, dx);
          }
          share(x, dx);
          dx.release();
        },
        in);
    return out;
  }

  /** {@code SiLU(gate) ⊙ up}. */
  public Var swiglu(Var gate, Var up) {
    Tensor y = arena.take(gate.value().shape());
    backend.swiglu(gate.value(), up.value(), y);
    Var out = output(y, gate, up);
    record(
        out,
        dy -> {
          Tensor dGate = arena.take(gate.value().shape());
          Tensor dUp = arena.take(gate.value().shape());
          backend.swigluBackward(gate.value(), up.value(), dy, dGate, dUp);
          share(gate, dGate);
          share(up, dUp);
          dGate.release();
          dUp.release();
        },
        gate.value(),
        up.value());
    return out;
  }

  /** Dropout of probability p while training, x itself otherwise; consumes x. */
  public Var dropout(Var x, float p) {
    if (!training || p == 0) {
      return x;
    }
    boolean learns = learns(x);
    return dropout(x, p, consume(x), learns);
  }

  /** Dropout of probability p while training, x itself otherwise; x keeps its values. */
  public Var dropoutOfCopy(Var x, float p) {
    if (!training || p == 0) {
      return x;
    }
    Tensor copy = arena.take(x.value().shape());
    backend.copy(x.value(), copy);
    return dropout(x, p, copy, learns(x));
  }

  private Var dropout(Var x, float p, Tensor y, boolean learns) {
    long seed = nextDropoutSeed();
    backend.dropout(y, p, seed, y);
    Var out = output(y, learns);
    record(out, dy -> give(x, dx -> backend.dropout(dy, p, seed, dx)));
    return out;
  }

  // ---- rows

  /** {@code x[i,j] + v[j]}; consumes x. */
  public Var addRow(Var x, Var v) {
    Shapes.requireLength("shift " + x.value(), v.value(), x.value().columns());
    boolean learns = learns(x, v);
    Tensor y = consume(x);
    backend.addRow(y, v.value(), y);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          share(x, dy);
          sum(v, dy);
        });
    return out;
  }

  /** {@code x[i,j]·v[j]}. */
  public Var multiplyRow(Var x, Var v) {
    Tensor in = x.value();
    Shapes.requireLength("scale " + in, v.value(), in.columns());
    Tensor y = arena.take(in.shape());
    backend.multiplyRow(in, v.value(), y);
    Var out = output(y, x, v);
    record(
        out,
        dy -> {
          accumulate(v, (dv, beta) -> backend.dotRows(dy, in, beta, dv));
          give(x, dx -> backend.multiplyRow(dy, v.value(), dx));
        },
        v.learns() ? in : null,
        v.value());
    return out;
  }

  /** {@code x[i,j]·v[i]}. */
  public Var multiplyColumn(Var x, Var v) {
    Tensor in = x.value();
    Shapes.requireLength("scale the rows of " + in, v.value(), in.rows());
    Tensor y = arena.take(in.shape());
    backend.multiplyColumn(in, v.value(), y);
    Var out = output(y, x, v);
    record(
        out,
        dy -> {
          accumulate(v, (dv, beta) -> backend.dotColumns(dy, in, beta, dv));
          give(x, dx -> backend.multiplyColumn(dy, v.value(), dx));
        },
        v.learns() ? in : null,
        v.value());
    return out;
  }

  /** Rows {@code table[ids[i]]} as {@code [ids.length, columns]}. */
  public Var gather(Var table, int[] ids) {
    return gather(table, ids, ids);
  }

  /**
   * Rows {@code table[ids[i]]}, whose gradient goes to the rows {@code gradientIds}; negative ones
   * get none (a padding row that stays as it is).
   */
  public Var gather(Var table, int[] ids, int[] gradientIds) {
    Weight rows = table.weight();
    Tensor y = arena.take(ids.length, rows.columns());
    rows.gather(backend, ids, false, y);
    Var out = output(y, table);
    record(out, dy -> scatter(table, dy, gradientIds));
    return out;
  }

  /** {@code x[i] + table[ids[i]]}; consumes x. */
  public Var addGathered(Var x, Var table, int[] ids, int[] gradientIds) {
    boolean learns = learns(x, table);
    Tensor y = consume(x);
    table.weight().gather(backend, ids, true, y);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          share(x, dy);
          scatter(table, dy, gradientIds);
        });
    return out;
  }

  // ---- normalisation, attention

  /** {@code LayerNorm(x + residual)}; consumes x unless residual is null. */
  public Var layerNorm(Var x, Var residual, Var gamma, Var beta, float epsilon) {
    boolean learns = learns(x, residual, gamma, beta);
    Tensor sum = residual == null ? x.value().retain() : consume(x);
    Tensor y = arena.take(sum.shape());
    Tensor mean = arena.take(sum.rows());
    Tensor rstd = arena.take(sum.rows());
    Tensor other = residual == null ? null : residual.value();
    backend.layerNorm(sum, other, gamma.value(), beta.value(), epsilon, y, mean, rstd);
    Var out = output(y, learns);
    record(
        out,
        dy -> {
          Tensor dSum = dy.isSolelyHeld() ? dy.retain() : arena.take(sum.shape());
          backend.layerNormBackward(
              sum, gamma.value(), mean, rstd, dy, dSum, zeroed(gamma), zeroed(beta));
          share(x, dSum);
          if (residual != null) {
            share(residual, dSum);
          }
          dSum.release();
        },
        sum,
        mean,
        rstd);
    sum.release();
    mean.release();
    rstd.release();
    return out;
  }

  /** RMS norm of x. */
  public Var rmsNorm(Var x, Var gamma, float epsilon) {
    Tensor in = x.value();
    Tensor y = arena.take(in.shape());
    Tensor rstd = arena.take(in.rows());
    backend.rmsNorm(in, gamma.value(), epsilon, y, rstd);
    Var out = output(y, x, gamma);
    record(
        out,
        dy -> {
          Tensor dx = dy.isSolelyHeld() ? dy.retain() : arena.take(in.shape());
          backend.rmsNormBackward(in, gamma.value(), rstd, dy, dx, zeroed(gamma));
          share(x, dx);
          dx.release();
        },
        in,
        rstd);
    rstd.release();
    return out;
  }

  /**
   * Masked softmax attention; shapes as in {@link Backend#attention}; dropout only while training.
   */
  public Var attention(AttentionShape asked, Var q, Var k, Var v, int[] mask) {
    boolean drops = training && asked.dropout() > 0;
    AttentionShape shape =
        asked.withDropout(drops ? asked.dropout() : 0, drops ? nextDropoutSeed() : 0);
    Tensor y = arena.take(q.value().shape());
    Tensor logSum = arena.take(shape.batch() * shape.heads(), shape.queries());
    backend.attention(shape, q.value(), k.value(), v.value(), mask, y, logSum);
    Var out = output(y, q, k, v);
    record(
        out,
        dy -> {
          Tensor dq = gradientOrNull(q);
          Tensor dk = gradientOrNull(k);
          Tensor dv = gradientOrNull(v);
          backend.attentionBackward(
              shape, q.value(), k.value(), v.value(), mask, y, logSum, dy, dq, dk, dv);
          shareAndRelease(q, dq);
          shareAndRelease(k, dk);
          shareAndRelease(v, dv);
        },
        q.value(),
        k.value(),
        v.value(),
        y,
        logSum);
    logSum.release();
    return out;
  }

  /** Rotary position embedding; cos and sin {@code [tokens, headWidth/2]}; consumes x. */
  public Var rotary(Var x, Tensor cos, Tensor sin, int headWidth) {
    boolean learns = x.learns();
    Tensor y = consume(x);
    backend.rotary(y, cos, sin, headWidth, false, y);
    Var out = output(y, learns);
    record(out, dy -> give(x, dx -> backend.rotary(dy, cos, sin, headWidth, true, dx)));
    return out;
  }

  // ---- losses

  /**
   * Returns the mean cross-entropy over labels that are not negative, and makes it a loss of this
   * step.
   */
  public double crossEntropy(Var logits, int[] labels) {
    return loss(logits, gradient -> backend.crossEntropy(logits.value(), labels, gradient));
  }

  /** Returns the mean squared error, and makes it a loss of this step. */
  public double meanSquaredError(Var x, float[] target) {
    return loss(x, gradient -> backend.meanSquaredError(x.value(), target, gradient));
  }

  /**
   * Makes a quantity that the caller computed a loss of this step.
   *
   * @param gradient of that quantity for x, in memory of {@link #arena}
   */
  public void addLoss(Var x, Tensor gradient) {
    if (training && x.learns()) {
      nodes.add(new Node(null, dy -> share(x, gradient), gradient));
    } else {
      gradient.release();
    }
  }

  private interface Loss {
    double compute(Tensor gradient);
  }

  private double loss(Var x, Loss loss) {
    if (!training || !x.learns()) {
      return loss.compute(null);
    }
    Tensor gradient = arena.take(x.value().shape());
    double value = loss.compute(gradient);
    nodes.add(new Node(null, dy -> share(x, gradient), gradient));
    return value;
  }

  @Override
  public void close() {
    nodes.clear();
    arena.close();
  }

  // ---- bookkeeping

  private void reset(boolean trains, long seed) {
    nodes.clear();
    arena.reset();
    training = trains;
    dropoutSeed = seed;
    dropoutCount = 0;
  }

  private long nextDropoutSeed() {
    long mixed = dropoutSeed + 0x9E3779B97F4A7C15L * ++dropoutCount;
    mixed = (mixed ^ (mixed >>> 30)) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
    return mixed ^ (mixed >>> 31);
  }

  private boolean learns(Var... inputs) {
    if (training) {
      for (Var input : inputs) {
        if (input != null && input.learns()) {
          return true;
        }
      }
    }
    return false;
  }

  private Var output(Tensor value, Var... inputs) {
    return Var.intermediate(value, learns(inputs));
  }

  private static Var output(Tensor value, boolean learns) {
    return Var.intermediate(value, learns);
  }

  private void record(Var out, Back back, Tensor... saved) {
    if (out.learns()) {
      for (Tensor tensor : saved) {
        if (tensor != null) {
          tensor.retain();
        }
      }
      nodes.add(new Node(out, back, saved));
    }
  }

  /** Returns a tensor with x's values to write into: x's own memory if nobody else needs it. */
  private Tensor consume(Var x) {
    if (!x.isLeaf() && x.value().isSolelyHeld()) {
      return x.value();
    }
    Tensor copy = arena.take(x.value().shape());
    backend.copy(x.value(), copy);
    done(x);
    return copy;
  }

  // ---- gradients

  private interface Accumulating {
    void run(Tensor target, float beta);
  }

  /** Lets a kernel with a beta write or add x's gradient. */
  private void accumulate(Var x, Accumulating kernel) {
    if (!x.learns()) {
      return;
    }
    if (x.hasGradient()) {
      kernel.run(own(x), 1);
    } else {
      kernel.run(fresh(x), 0);
    }
  }

  /** Lets a kernel that overwrites produce x's gradient, and adds it to what is there. */
  private void give(Var x, Consumer<Tensor> kernel) {
    if (!x.learns()) {
      return;
    }
    if (x.hasGradient()) {
      Tensor more = arena.take(x.value().shape());
      kernel.accept(more);
      backend.addScaled(1, more, own(x));
      more.release();
    } else {
      kernel.accept(fresh(x));
    }
  }

  /** Adds an existing tensor to x's gradient, without copying it where x has none yet. */
  private void share(Var x, Tensor dx) {
    if (!x.learns()) {
      return;
    }
    if (x.hasGradient()) {
      backend.addScaled(1, dx, own(x));
    } else if (x.isLeaf()) {
      backend.copy(dx, fresh(x));
    } else {
      x.setGradient(dx.retain());
    }
  }

  private void shareAndRelease(Var x, Tensor dx) {
    if (dx != null) {
      share(x, dx);
      dx.release();
    }
  }

  private Tensor gradientOrNull(Var x) {
    return x.learns() ? arena.take(x.value().shape()) : null;
  }

  private void product(
      Var x, boolean transposeA, Tensor a, boolean transposeB, Tensor b, float alpha) {
    accumulate(x, (dx, beta) -> backend.gemm(transposeA, transposeB, alpha, a, b, beta, dx));
  }

  private void sum(Var x, Tensor dy) {
    accumulate(x, (dx, beta) -> backend.sumRows(dy, beta, dx));
  }

  private void scatter(Var table, Tensor dy, int[] ids) {
    if (table.learns()) {
      backend.scatterAdd(dy, ids, zeroed(table));
    }
  }

  /** Returns x's gradient to add to, null if x does not learn. */
  private Tensor zeroed(Var x) {
    if (!x.learns()) {
      return null;
    }
    if (!x.hasGradient()) {
      backend.fill(fresh(x), 0);
    }
    return own(x);
  }

  private Tensor fresh(Var x) {
    if (x.isLeaf()) {
      x.markGradientFresh();
    } else {
      x.setGradient(arena.take(x.value().shape()));
    }
    return x.gradient();
  }

  /** Returns x's gradient, made its own if another holder shares it. */
  private Tensor own(Var x) {
    Tensor gradient = x.gradient();
    if (!x.isLeaf() && !gradient.isSolelyHeld()) {
      Tensor copy = arena.take(gradient.shape());
      backend.copy(gradient, copy);
      gradient.release();
      x.setGradient(copy);
      return copy;
    }
    return gradient;
  }
}
