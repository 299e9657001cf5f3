package org.peftsweep.model;

import java.util.List;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;

/** A transformer without a head: token ids come in, hidden states go out. */
interface Backbone extends AutoCloseable {
  /**
   * Runs some layers; the last one gives the last hidden states {@code [n, width]} of the positions
   * that are asked for, any other those of all positions.
   *
   * @param lanes backbones that were built from this one's configuration, this one the first
   * @param below hidden states of all positions below the first of these layers; null to begin with
   *     the tokens
   */
  Var run(Tape tape, List<? extends Backbone> lanes, Packed packed, Var below, int from, int to);

  /**
   * Returns how many layers, from the lowest up, give what those of the base do and show nobody
   * what they see.
   */
  int frozenLayers();

  /** Returns the projections of so many layers, from the lowest up. */
  List<Linear> linears(int layers);

  /**
   * Whether what it computes besides those gives an example's rows alike whatever else is in the
   * pass.
   */
  default boolean keepsExamplesApart() {
    return true;
  }

  /** Returns where tokens become vectors. */
  Embeddings embeddings();

  /** Returns attention and feed-forward of all layers, from the lowest up. */
  List<Sublayer> sublayers();

  /** Returns its layer norms; none where norms have no shift. */
  List<Norm> norms();

  /** Whether a method puts something before the tokens, so that no state is the base's. */
  default boolean isPrefixed() {
    return embeddings().prompt() != null
        || sublayers().stream().anyMatch(sublayer -> sublayer.prefix() != null);
  }

  /** Shows hidden states of all positions in the coming forward passes; null ends it. */
  void trace(Trace trace);

  /** Frees what it holds besides parameters. */
  @Override
  default void close() {}
}
