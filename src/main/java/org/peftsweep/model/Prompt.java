package org.peftsweep.model;

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
   * @param words {@code [batch·length, width]}, those put before included
   * @param length of a row, those put before included
   */
  default Var changed(Tape tape, Var words, int length) {
    return words;
  }

  @Override
  default boolean isMergeable() {
    return false;
  }
}
