package org.peftsweep.model;

import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;

/** Activations made of those that backends have kernels for. */
public final class Activations {
  /** A power of two, so that no product with it rounds, and its gradients stay above denormals. */
  private static final float STEEP = 0x1p50f;

  private Activations() {}

  /**
   * {@code max(0, x)}, as {@code SiLU(c·x)/c} with c = 2⁵⁰: another value only where |x| is below
   * 1e-13.
   *
   * <p>So it needs no kernel of its own; the gradient at 0 is ½ where torch has 0.
   */
  public static Var relu(Tape tape, Var x) {
    Var steep = tape.scale(x, STEEP);
    Tensor parts = tape.arena().take(x.value().shape());
    tape.backend().fill(parts, 1 / STEEP);
    Var y = tape.swiglu(steep, Var.constant(parts));
    tape.done(steep);
    tape.done(parts);
    return y;
  }
}
