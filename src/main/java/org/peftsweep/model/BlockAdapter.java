package org.peftsweep.model;

import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;

/**
 * What a method adds to a sub-layer, attention or feed-forward: a change of what the sub-layer adds
 * to its residual.
 */
public interface BlockAdapter extends Addition {
  /**
   * Returns what takes the place of the sub-layer's output {@code [n, width]}.
   *
   * @param norm of the residual sum, null where norms come before the sub-layer
   * @param residual that the output is added to, {@code [n, width]}
   * @param input of the sub-layer's first matrices, {@code [n, width]}; the residual itself where
   *     norms come after the sum
   * @param output of the sub-layer, which it may consume
   */
  Var apply(Tape tape, Norm norm, Var residual, Var input, Var output);

  @Override
  default boolean isMergeable() {
    return false;
  }
}
