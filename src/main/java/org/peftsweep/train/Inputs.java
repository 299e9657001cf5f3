package org.peftsweep.train;

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
  /** Whether the batch teaches nothing. */
  boolean isEmpty() {
    return positions != null && positions.length == 0;
  }
}
