package org.peftsweep.model;

import java.util.List;
import org.peftsweep.compute.Var;

/** How an encoder's attention sees distances between positions. */
interface Relations {
  /** The layers of one pass. */
  interface Run extends AutoCloseable {
    /**
     * Returns what becomes of a layer's scores.
     *
     * @param q of all positions, with its {@link Relations#queryFactor}; k likewise
     */
    Scores scores(int layer, Var q, Var k);

    /** Gives back what layers share. */
    @Override
    void close();
  }

  /**
   * Begins a pass.
   *
   * @param lanes that were built from the same configuration, this one the first
   */
  Run run(Pass pass, List<Relations> lanes, Packed packed);

  /** Returns what queries are multiplied by, besides the root of the heads' width. */
  float queryFactor();

  /** Whether it gives what its base does. */
  boolean isOfBase();

  /**
   * Whether its products give an example's rows alike whatever else is in the pass, so that states
   * may be kept by example.
   */
  boolean keepsExamplesApart();
}
