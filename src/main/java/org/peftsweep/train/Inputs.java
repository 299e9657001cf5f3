package org.peftsweep.train;

import java.util.Arrays;
import org.peftsweep.data.Batch;

/**
 * What a model reads of a batch, and what its outputs are held to.
 *
 * @param batch with the ids that the model sees
 * @param positions places in {@code [batch·tokens]} whose outputs count; null for those that the
 *     model's head reads by itself
 * @param classes the right class of each output row; empty where the batch's labels are values
 */
record Inputs(Batch batch, int[] positions, int[] classes) {
  /** Returns the same with so many places at least; those added have no class. */
  Inputs withPlaces(int least) {
    if (positions == null || positions.length >= least) {
      return this;
    }
    int[] more = Arrays.copyOf(classes, least);
    Arrays.fill(more, classes.length, least, -1);
    return new Inputs(batch, Arrays.copyOf(positions, least), more);
  }

  /** Whether the batch teaches nothing. */
  boolean isEmpty() {
    return positions != null && positions.length == 0;
  }
}
