package org.peftsweep.model;

import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;

/** A layer norm's parameters, {@code [width]} each. */
record Norm(Parameter gamma, Parameter beta, float epsilon) {
  /** {@code LayerNorm(x + residual)}; consumes x. */
  Var ofSum(Tape tape, Var x, Var residual) {
    return tape.layerNorm(x, residual, gamma.var(), beta.var(), epsilon);
  }

  /** {@code LayerNorm(x)}. */
  Var of(Tape tape, Var x) {
    return tape.layerNorm(x, null, gamma.var(), beta.var(), epsilon);
  }

  /** Whether it gives what its base does. */
  boolean isOfBase() {
    return gamma.isOfBase() && beta.isOfBase();
  }

  /** Whether one serves both. */
  boolean isSharedWith(Norm other) {
    return gamma.isSharedWith(other.gamma) && beta.isSharedWith(other.beta);
  }
}
