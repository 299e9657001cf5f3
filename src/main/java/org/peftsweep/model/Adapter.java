package org.peftsweep.model;

import org.peftsweep.compute.Backend;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Var;

/**
 * What a fine-tuning method adds to one frozen projection: {@code y = f(x, Wx)}.
 *
 * <p>The product {@code Wx} is computed outside, without bias, so that trials which share the
 * frozen weight can share the product.
 */
public interface Adapter extends Addition {
  /** Whether {@link #apply} reads the product; without, it is not computed. */
  default boolean usesProduct() {
    return true;
  }

  /**
   * Whether the output is the product and something that does not depend on it, added up: the
   * product may come with the bias then, which {@link Linear#addBias} knows.
   */
  default boolean addsToProduct() {
    return false;
  }

  /**
   * Returns the projection's output, with what {@link Linear#addBias} adds.
   *
   * @param x {@code [n, in]}
   * @param product {@code x·Wᵀ [n, out]}, null if not used; the adapter may consume it
   */
  Var apply(Tape tape, Linear base, Var x, Var product);

  /**
   * Folds the adapter into {@code weight [out, in]}, a copy of the frozen one, and its bias (or
   * null).
   */
  void merge(Backend backend, Linear base, Tensor weight, Tensor bias);
}
