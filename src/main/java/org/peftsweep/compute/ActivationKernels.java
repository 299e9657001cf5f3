package org.peftsweep.compute;

import java.util.function.Consumer;

/** Kernels of activations; y may be x in all of them where both are of one type. */
public interface ActivationKernels {
  /** See {@link Backend#allocate}. */
  Memory allocate(long floats);

  void free(Memory memory);

  /** See {@link Backend#copy}. */
  void copy(Tensor from, Tensor to);

  void tanh(Tensor x, Tensor y);

  /** {@code dx ← dy ⊙ (1 − y²)}. */
  void tanhBackward(Tensor y, Tensor dy, Tensor dx);

  /**
   * {@code y ← (x + bias)·Φ(x + bias)}, the exact GELU (erf to 1e-6); bias {@code [columns]} or
   * null.
   */
  void gelu(Tensor x, Tensor bias, Tensor y);

  /** {@code dx ← dy ⊙ gelu′(x + bias)}; dx may be dy. */
  void geluBackward(Tensor x, Tensor bias, Tensor dy, Tensor dx);

  /** {@code y ← gate·σ(gate) ⊙ up} (Shazeer, arXiv:2002.05202). */
  void swiglu(Tensor gate, Tensor up, Tensor y);

  /** Gradients of {@link #swiglu} for gate and up. */
  void swigluBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp);

  // ---- the same between products that round their factors

  /**
   * {@link #gelu} whose y is {@code BF16}; kept, of that type too, or null, receives x. A backend
   * without such a kernel overwrites x.
   */
  default void geluToHalves(Tensor x, Tensor bias, Tensor kept, Tensor y) {
    if (kept != null) {
      copy(x, kept);
    }
    gelu(x, bias, x);
    copy(x, y);
  }

  /**
   * {@link #geluBackward} whose x and dx are {@code BF16}. A backend without such a kernel
   * overwrites dy and allocates.
   */
  default void geluBackwardOfHalves(Tensor x, Tensor bias, Tensor dy, Tensor dx) {
    widened(x, wide -> geluBackward(wide, bias, dy, dy));
    copy(dy, dx);
  }

  /**
   * {@link #swiglu} whose y is {@code BF16}; what is kept of gate and up, of that type too, or both
   * null, receives them. A backend without such a kernel overwrites gate.
   */
  default void swigluToHalves(Tensor gate, Tensor up, Tensor keptGate, Tensor keptUp, Tensor y) {
    if (keptGate != null) {
      copy(gate, keptGate);
      copy(up, keptUp);
    }
    swiglu(gate, up, gate);
    copy(gate, y);
  }

  /**
   * {@link #swigluBackward} of which all but dy are {@code BF16}. A backend without such a kernel
   * allocates.
   */
  default void swigluBackwardOfHalves(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) {
    widened(
        gate,
        wideGate ->
            widened(
                up,
                wideUp -> {
                  swigluBackward(wideGate, wideUp, dy, wideGate, wideUp);
                  copy(wideGate, dGate);
                  copy(wideUp, dUp);
                }));
  }

  /** Uses the values of halves as 32-bit floats, in memory that is freed again. */
  private void widened(Tensor halves, Consumer<Tensor> use) {
    Memory memory = allocate(halves.size());
    Tensor wide = new Tensor(memory, 0, halves.shape());
    copy(halves, wide);
    use.accept(wide);
    free(memory);
  }
}
