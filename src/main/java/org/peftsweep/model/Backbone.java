package org.peftsweep.model;

import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;

/** A transformer without a head: token ids come in, hidden states go out. */
interface Backbone extends AutoCloseable {
  /**
   * Returns the last hidden states of chosen positions {@code [positions.length, width]}.
   *
   * @param positions places in {@code [batch·tokens]}; null for all
   */
  Var hidden(Tape tape, Batch batch, int[] positions);

  /** Returns the word embedding {@code [vocabulary, width]}. */
  Parameter words();

  /** Shows hidden states of all positions in the coming forward passes; null ends it. */
  void trace(Trace trace);

  /** Frees what it holds besides parameters. */
  @Override
  default void close() {}
}
