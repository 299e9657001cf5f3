package org.peftsweep.compute;

/**
 * How the rows of queries, keys and values divide into batch, tokens and heads.
 *
 * <p>Queries are {@code [batch·tokens, heads·headWidth]}, keys and values {@code [batch·tokens,
 * keyHeads·headWidth]}; with fewer key heads, each serves {@code heads / keyHeads} neighbouring
 * query heads (grouped-query attention, Ainslie et al., arXiv:2305.13245).
 *
 * @param causal whether a position sees only itself and earlier ones
 * @param dropout probability that an attention weight is dropped, in [0, 1)
 * @param seed of the dropout mask
 */
public record AttentionShape(
    int batch,
    int tokens,
    int heads,
    int keyHeads,
    int headWidth,
    boolean causal,
    float dropout,
    long seed) {
  public AttentionShape {
    if (heads < 1 || keyHeads < 1 || heads % keyHeads != 0) {
      throw new IllegalArgumentException(
          "Cannot share " + keyHeads + " key heads among " + heads + " heads: give a divisor");
    }
  }

  /** Returns the factor on scores, {@code 1 / √headWidth}. */
  public float scale() {
    return (float) (1 / Math.sqrt(headWidth));
  }
}
