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
   * {@code ½x·(1 + tanh(√(2/π)·(x + 0.044715x³)))}, the approximation of GELU (arXiv:1606.08415,
   * §2) that the reference library calls {@code gelu_new} and {@code gelu_pytorch_tanh}.
   */
  static Var geluTanh(Tape tape, Var x) {
    float slope = (float) Math.sqrt(2 / Math.PI);
    Var square = tape.multiply(x, x);
    Var cube = tape.multiply(square, x);
    tape.done(square);
    Var scaled = tape.scale(cube, 0.044715f * slope);
    tape.done(cube);
    Var inner = tape.addScaled(scaled, slope, x);
    Var turned = tape.tanh(inner);
    tape.done(inner);
    Var product = tape.multiply(x, turned);
    tape.done(turned);
    Var sum = tape.addScaled(product, 1, x);
    Var y = tape.scale(sum, 0.5f);
    tape.done(sum);
    return y;
  }

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
