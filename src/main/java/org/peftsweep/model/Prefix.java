package org.peftsweep.model;

import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;

/** Keys and values that a method puts before those of the tokens in the attention of a layer. */
public interface Prefix extends Addition {
  /** Returns how many there are. */
  int tokens();

  /** Returns the keys {@code [tokens, width of keys]}. */
  Var keys(Tape tape);

  /** Returns the values {@code [tokens, width of keys]}. */
  Var values(Tape tape);

  @Override
  default boolean isMergeable() {
    return false;
  }
}
