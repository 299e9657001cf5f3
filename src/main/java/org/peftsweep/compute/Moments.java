package org.peftsweep.compute;

import java.util.List;

/**
 * A parameter, its gradient, and what AdamW remembers of it; all of one size.
 *
 * @param first mean of gradients
 * @param second mean of their squares
 */
public record Moments(Tensor parameter, Tensor gradient, Tensor first, Tensor second) {
  /** Returns all four. */
  List<Tensor> tensors() {
    return List.of(parameter, gradient, first, second);
  }
}
