package org.peftsweep.compute;

/**
 * What an adapter multiplies first: a value, or its dropout, which products draw anew whenever they
 * read it and on the way back.
 *
 * @param p probability that an element is dropped
 * @param seed null for no dropout
 */
record DroppedInput(Var x, float p, Tensor seed) {
  /** {@code y ← drop(x)·wᵀ}; w {@code [rows, columns of x]}. */
  void times(Backend backend, Products products, Tensor w, Tensor y) {
    if (seed == null) {
      products.gemm(false, true, 1, x.value(), w, 0, y);
    } else {
      backend.gemmOfDropped(Dropped.LEFT, p, seed, true, 1, x.value(), w, 0, y);
    }
  }

  /** Hands on the gradients of that product, from {@code dy} of its result. */
  void back(Backend backend, Gradients gradients, Var w, Tensor dy) {
    if (seed == null) {
      gradients.product(w, true, dy, false, x.value(), 1);
      gradients.product(x, false, dy, false, w.value(), 1);
      return;
    }
    gradients.accumulate(
        w,
        (dw, beta) ->
            backend.gemmOfDropped(Dropped.RIGHT, p, seed, false, 1, dy, x.value(), beta, dw));
    gradients.accumulate(
        x,
        (dx, beta) ->
            backend.gemmOfDropped(Dropped.RESULT, p, seed, false, 1, dy, w.value(), beta, dx));
  }
}
