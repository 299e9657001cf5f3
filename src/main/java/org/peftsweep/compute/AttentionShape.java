package org.peftsweep.compute;

/**
 * How the rows of queries, keys and values divide into batch, tokens and heads.
 *
 * <p>Queries are {@code [batch·queries, heads·headWidth]}, keys and values {@code [batch·tokens,
 * keyHeads·headWidth]}; with fewer key heads, each serves {@code heads / keyHeads} neighbouring
 * query heads (grouped-query attention, Ainslie et al., arXiv:2305.13245).
 *
 * @param queries positions of a sequence that look; all tokens where causal
 * @param causal whether a position sees only itself and earlier ones
 * @param dropout probability that an attention weight is dropped, in [0, 1)
 */
public record AttentionShape(
    int batch,
    int queries,
    int tokens,
    int heads,
    int keyHeads,
    int headWidth,
    boolean causal,
    float dropout) {
  public AttentionShape {
    if (causal && queries != tokens) {
      throw new IllegalArgumentException(
          "Cannot tell what " + queries + " causal queries of " + tokens + " tokens see: give all");
    }
    if (heads < 1 || keyHeads < 1 || heads % keyHeads != 0) {
      throw new IllegalArgumentException(
          "Cannot share " + keyHeads + " key heads among " + heads + " heads: give a divisor");
    }
  }

  /** Every token is a query. */
  public AttentionShape(
      int batch,
      int tokens,
      int heads,
      int keyHeads,
      int headWidth,
      boolean causal,
      float dropout) {
    this(batch, tokens, tokens, heads, keyHeads, headWidth, causal, dropout);
  }

  /** Returns the same with another dropout of weights. */
  AttentionShape withDropout(float probability) {
    return new AttentionShape(
        batch, queries, tokens, heads, keyHeads, headWidth, causal, probability);
  }

  /** Returns the factor on scores, {@code 1 / √headWidth}. */
  public float scale() {
    return (float) (1 / Math.sqrt(headWidth));
  }
}
