package org.peftsweep.compute.samediff;

import java.util.Arrays;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.factory.Nd4j;
import org.peftsweep.compute.AttentionShape;

/**
 * Attention as operations of a graph. Heads that share keys are more queries of one: {@code [batch,
 * keyHeads, groups·queries, …]}.
 */
record Attention(SameDiff graph, AttentionShape shape) {
  /** Below every score, and far enough from the lowest float to add scores to. */
  private static final double HIDDEN = 1e30;

  /**
   * Returns {@code [batch·queries, heads·headWidth]}.
   *
   * @param kept factors of weights where dropout acts, null elsewhere
   * @param bias null for none
   * @param biasGroups queries' rows that the bias has of one query
   */
  SDVariable of(
      SDVariable q,
      SDVariable k,
      SDVariable v,
      SDVariable mask,
      float[] kept,
      SDVariable bias,
      int biasGroups) {
    int groups = groups();
    int width = shape.headWidth();
    int asking = groups * shape.queries();
    SDVariable queries =
        graph.reshape(
            graph.permute(
                graph.reshape(q, -1, shape.queries(), shape.keyHeads(), groups, width),
                0,
                2,
                3,
                1,
                4),
            -1,
            shape.keyHeads(),
            asking,
            width);
    SDVariable scores = graph.mmul(queries, keys(k), false, true, false).mul(shape.scale());
    if (shape.cap() > 0) {
      scores = graph.math().tanh(scores.div(shape.cap())).mul(shape.cap());
    }
    if (bias != null) {
      scores = scores.add(added(bias, biasGroups));
    }
    SDVariable texts = graph.reshape(graph.castTo(mask, DataType.FLOAT), -1, 1, 1, shape.tokens());
    SDVariable seen = graph.castTo(graph.neq(texts, 0), DataType.FLOAT);
    if (shape.causal()) {
      seen = seen.mul(earlier()).mul(ofOneText(texts));
    }
    SDVariable shown = graph.reshape(scores.add(seen.sub(1).mul(HIDDEN)), -1, shape.tokens());
    // A graph that was loaded derives it along axis 1, whatever it is computed along.
    SDVariable weights =
        graph.reshape(graph.nn().softmax(shown, 1), -1, shape.keyHeads(), asking, shape.tokens());
    if (kept != null) {
      weights =
          weights.mul(
              graph.constant(
                  Nd4j.createFromArray(kept)
                      .reshape(shape.batch(), shape.keyHeads(), asking, shape.tokens())));
    }
    SDVariable mixed =
        graph.permute(
            graph.reshape(
                graph.mmul(weights, keys(v)), -1, shape.keyHeads(), groups, shape.queries(), width),
            0,
            3,
            1,
            2,
            4);
    return graph.reshape(mixed, -1, shape.heads() * width);
  }

  private int groups() {
    return shape.heads() / shape.keyHeads();
  }

  /** What is added to scores {@code [batch or 1, keyHeads or 1, groups·queries, tokens]}. */
  private SDVariable added(SDVariable bias, int biasGroups) {
    int asking = groups() * shape.queries();
    if (biasGroups == 1) {
      SDVariable[] all = new SDVariable[groups()];
      Arrays.fill(all, graph.reshape(bias, shape.queries(), shape.tokens()));
      SDVariable each = all.length == 1 ? all[0] : graph.concat(0, all);
      return graph.reshape(each, 1, 1, asking, shape.tokens());
    }
    SDVariable ofHeads =
        graph.permute(
            graph.reshape(bias, shape.heads(), -1, shape.queries(), shape.tokens()), 1, 0, 2, 3);
    return graph.reshape(ofHeads, -1, shape.keyHeads(), asking, shape.tokens());
  }

  /** Keys or values {@code [batch, keyHeads, tokens, headWidth]}. */
  private SDVariable keys(SDVariable x) {
    return graph.permute(
        graph.reshape(x, -1, shape.tokens(), shape.keyHeads(), shape.headWidth()), 0, 2, 1, 3);
  }

  /** Ones but where query and key are of different texts. */
  private SDVariable ofOneText(SDVariable texts) {
    SDVariable asking =
        graph.tile(graph.reshape(texts, -1, 1, shape.tokens(), 1), 1, 1, groups(), 1);
    SDVariable own = graph.castTo(graph.gt(asking, 0), DataType.FLOAT);
    SDVariable other = graph.castTo(graph.gt(texts, 0), DataType.FLOAT);
    SDVariable differs = graph.castTo(graph.neq(asking, texts), DataType.FLOAT);
    return own.mul(other).mul(differs).rsub(1);
  }

  /** Ones where a key is not later than a query. */
  private SDVariable earlier() {
    int tokens = shape.tokens();
    float[] seen = new float[groups() * tokens * tokens];
    for (int i = 0; i < seen.length; i++) {
      seen[i] = i % tokens <= i / tokens % tokens ? 1 : 0;
    }
    return graph.constant(Nd4j.createFromArray(seen).reshape(1, 1, groups() * tokens, tokens));
  }
}
