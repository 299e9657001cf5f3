package org.peftsweep.compute;

/**
 * Matrix products of one backend whose factors are taken in one number format; sums, and all that
 * is passed in and out, are 32-bit floats unless {@link Backend} says otherwise.
 */
public interface Products {
  /**
   * {@code c ← alpha·op(a)·op(b) + beta·c} with {@code op} the transpose where asked; {@code beta =
   * 0} never reads {@code c}. b may be of any type.
   */
  void gemm(
      boolean transposeA,
      boolean transposeB,
      float alpha,
      Tensor a,
      Tensor b,
      float beta,
      Tensor c);

  /**
   * {@code y ← x·wᵀ + bias}; x {@code [n, in]}, w {@code [out, in]} of any type, bias {@code [out]}
   * or null.
   */
  void linear(Tensor x, Tensor w, Tensor bias, Tensor y);

  /**
   * The same with a bias for each lane's rows, null for none; bit for bit what {@link
   * #linear(Tensor, Tensor, Tensor, Tensor)} gives of those rows where {@link #sumsRowsAlike}.
   */
  void linear(Tensor x, Tensor w, Tensor[] biases, Lanes lanes, Tensor y);

  /**
   * {@code c ← a·op(w) + beta·c} with {@code op} the transpose where asked, w by its values; {@code
   * beta = 0} never reads {@code c}.
   */
  void gemm(boolean transposeW, Tensor a, QuantisedMatrix w, float beta, Tensor c);

  /** The same as {@link #linear(Tensor, Tensor, Tensor[], Lanes, Tensor)} with w by its values. */
  void linear(Tensor x, QuantisedMatrix w, Tensor[] biases, Lanes lanes, Tensor y);

  /**
   * Whether a product of so many rows adds up each of them in the order in which a product of more
   * rows does, so that a row's result does not depend on how many others there are.
   */
  boolean sumsRowsAlike(int rows, int columns, int inner);

  /**
   * Whether {@code x·wᵀ} and {@code dy·w}, w {@code [columns, inner]}, round x and dy to {@link
   * ElementType#BF16} and take them in that type too: to store them so changes nothing then.
   */
  default boolean takesHalves(int columns, int inner) {
    return false;
  }

  /**
   * Whether {@link #linear} adds a bias while it writes, so that it is best added there: before,
   * and not behind, what else is added to the product.
   */
  default boolean addsBiasInPassing() {
    return false;
  }

  /**
   * Whether {@code x·wᵀ}, x {@code [rows, inner]} and w {@code [columns, inner]}, and its gradients
   * are products that a device runs together with others which do not depend on them, so that
   * scratch memory should not be theirs in turn; and that draw the dropout of x while they read or
   * write it, as {@link Backend#gemmOfDropped}, so that nothing dropped is stored.
   */
  default boolean areSmall(int rows, int columns, int inner) {
    return false;
  }
}
