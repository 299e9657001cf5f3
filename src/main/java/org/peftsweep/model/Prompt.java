package org.peftsweep.model;

import java.util.function.IntUnaryOperator;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;

/** Embeddings that a method puts before those of the tokens, or adds to them. */
public interface Prompt extends Addition {
  /** Returns how many are put before those of a row. */
  int tokens();

  /** Returns them, {@code [tokens, width]}. */
  Var rows(Tape tape);

  /**
   * Returns the embeddings of words with what the method adds; may consume them.
   *
   * @param words {@code [n, width]}
   * @param places the place in its row of each, those put before counted; asked for anew by plans
   */
  default Var changed(Tape tape, Var words, IntUnaryOperator places) {
    return words;
  }

  @Override
  default boolean isMergeable() {
    return false;
  }
}
