package org.peftsweep.compute.samediff;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Inverses of matrices by products alone, as the derivative of SameDiff's own operation is not that
 * of an inverse: {@code X ← X·(2I − A·X)} from {@code Aᵀ/‖A‖²} on (Ben-Israel and Cohen, 1966).
 */
final class Inverses {
  /** Enough for matrices whose largest singular value is some hundred times the smallest. */
  private static final int STEPS = 20;

  private Inverses() {}

  /** Returns the inverses of blocks {@code [rows, side]}, one under the other. */
  static SDVariable of(SameDiff graph, SDVariable blocks, int rows, int side) {
    SDVariable a = graph.reshape(blocks, rows / side, side, side);
    SDVariable twice =
        graph.constant(Nd4j.eye(side).castTo(DataType.FLOAT).mul(2).reshape(1, side, side));
    SDVariable x = graph.permute(a, 0, 2, 1).div(a.mul(a).sum(true, 1, 2));
    for (int i = 0; i < STEPS; i++) {
      x = graph.mmul(x, graph.mmul(a, x).rsub(twice));
    }
    return graph.reshape(x, -1, side);
  }
}
