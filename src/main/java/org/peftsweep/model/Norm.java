package org.peftsweep.model;

import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;

/** A layer norm's parameters, {@code [width]} each, with at most one adapter. */
public final class Norm {
  private final Parameter gamma;
  private final Parameter beta;
  private final float epsilon;
  private NormAdapter adapter;

  /**
   * @param beta null for none: such a norm takes no adapter
   */
  Norm(Parameter gamma, Parameter beta, float epsilon) {
    this.gamma = gamma;
    this.beta = beta;
    this.epsilon = epsilon;
  }

  /** Returns the name of its module. */
  public String name() {
    return gamma.module();
  }

  public int layer() {
    return gamma.layer();
  }

  public int width() {
    return Math.toIntExact(gamma.size());
  }

  public Parameter gain() {
    return gamma;
  }

  public Parameter shift() {
    return beta;
  }

  /** Returns the adapter, or null. */
  public NormAdapter adapter() {
    return adapter;
  }

  /** Attaches an adapter; there can be one. */
  public void attach(NormAdapter added) {
    if (adapter != null) {
      throw new IllegalStateException("Cannot attach a second adapter to " + name());
    }
    adapter = added;
  }

  /** Whether it has a shift. */
  boolean isShifted() {
    return beta != null;
  }

  /** {@code LayerNorm(x + residual)}; consumes x. */
  public Var ofSum(Tape tape, Var x, Var residual) {
    if (beta == null) {
      Tensor zeros = tape.arena().take(width());
      tape.backend().fill(zeros, 0);
      Var y = tape.layerNorm(x, residual, gamma.var(), Var.constant(zeros), epsilon);
      tape.done(zeros);
      return y;
    }
    if (adapter == null) {
      return tape.layerNorm(x, residual, gamma.var(), beta.var(), epsilon);
    }
    Var gain = adapter.gain(tape, gamma.var());
    Var shift = adapter.shift(tape, beta.var());
    Var y = tape.layerNorm(x, residual, gain, shift, epsilon);
    tape.done(gain);
    tape.done(shift);
    return y;
  }

  /** {@code LayerNorm(x)}. */
  Var of(Tape tape, Var x) {
    return ofSum(tape, x, null);
  }

  /** Whether it gives what its base does. */
  boolean isOfBase() {
    return adapter == null && gamma.isOfBase() && (beta == null || beta.isOfBase());
  }

  /** Whether one serves both. */
  boolean isSharedWith(Norm other) {
    return this == other
        || adapter == null
            && other.adapter == null
            && gamma.isSharedWith(other.gamma)
            && (beta == null || beta.isSharedWith(other.beta));
  }
}
