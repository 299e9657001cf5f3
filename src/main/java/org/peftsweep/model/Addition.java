package org.peftsweep.model;

import java.util.List;

/** What a fine-tuning method adds to a place of a model. */
public interface Addition {
  /** Returns all its tensors, trained or not. */
  List<Parameter> parameters();

  /**
   * Returns those of its tensors that a trained model is restored from, each under a name of its
   * own; the rest is drawn again.
   */
  default List<Parameter> kept() {
    return parameters();
  }

  /** Whether it can be folded into the weights of the base. */
  default boolean isMergeable() {
    return true;
  }
}
