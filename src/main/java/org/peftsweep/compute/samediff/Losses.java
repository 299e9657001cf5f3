package org.peftsweep.compute.samediff;

import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;

/** Losses that kernels and exported graphs share. */
final class Losses {
  private Losses() {}

  /**
   * Returns the mean cross-entropy over labels that are not negative, 0 if all are.
   *
   * @param logits {@code [n, classes]}
   * @param labels {@code [n]}, whole numbers
   */
  static SDVariable crossEntropy(
      SameDiff graph, SDVariable logits, SDVariable labels, int classes) {
    SDVariable each = graph.constant(Nd4j.arange(classes).castTo(DataType.INT).reshape(1, classes));
    SDVariable isRight = graph.castTo(graph.eq(graph.reshape(labels, -1, 1), each), DataType.FLOAT);
    SDVariable highest = logits.max(true, 1);
    SDVariable shifted = logits.sub(highest);
    SDVariable logSum = graph.math().log(graph.math().exp(shifted).sum(true, 1));
    SDVariable sum = shifted.sub(logSum).mul(isRight).sum().neg();
    return sum.div(graph.math().max(isRight.sum(), graph.constant(Nd4j.scalar(1f))));
  }
}
