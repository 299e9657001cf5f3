package org.peftsweep.model;

import java.util.List;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;

/** A transformer without a head: token ids come in, hidden states go out. */
interface Backbone extends AutoCloseable {
  /**
   * Returns the last hidden states {@code [n, width]} of the positions that are asked for.
   *
   * @param lanes backbones that were built from this one's configuration, this one the first
   */
  Var hidden(Tape tape, List<? extends Backbone> lanes, Packed packed);

  /** Returns the word embedding {@code [vocabulary, width]}. */
  Parameter words();

  /** Shows hidden states of all positions in the coming forward passes; null ends it. */
  void trace(Trace trace);

  /** Frees what it holds besides parameters. */
  @Override
  default void close() {}
}
