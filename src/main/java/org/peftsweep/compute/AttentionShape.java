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
 * @param cap what scaled scores s are held below by {@code cap·tanh(s / cap)}, as Gemma 2 does
 *     (arXiv:2408.00118, §2); 0 for none
 * @param factors what products may round their factors to; scores and sums are 32-bit floats
 */
public record AttentionShape(
    int batch,
    int queries,
    int tokens,
    int heads,
    int keyHeads,
    int headWidth,
    boolean causal,
    float dropout,
    float cap,
    ElementType factors) {
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

  /** Scores have no cap, and no factor is rounded. */
  public AttentionShape(
      int batch,
      int queries,
      int tokens,
      int heads,
      int keyHeads,
      int headWidth,
      boolean causal,
      float dropout) {
    this(batch, queries, tokens, heads, keyHeads, headWidth, causal, dropout, 0, ElementType.F32);
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
        batch, queries, tokens, heads, keyHeads, headWidth, causal, probability, cap, factors);
  }

  /** Returns the same with products that may round their factors. */
  AttentionShape withFactors(ElementType rounded) {
    return new AttentionShape(
        batch, queries, tokens, heads, keyHeads, headWidth, causal, dropout, cap, rounded);
  }

  /** Returns the same with another cap of scores. */
  public AttentionShape withCap(float most) {
    return new AttentionShape(
        batch, queries, tokens, heads, keyHeads, headWidth, causal, dropout, most, factors);
  }

  /** Returns the number of scores. */
  public long scores() {
    return (long) batch * heads * queries * tokens;
  }

  /**
   * Returns the row of a bias {@code [n·queries, tokens]} that a query's scores have, see {@link
   * Backend#attention}.
   *
   * @param groups n: 1, heads or heads·batch
   */
  public int biasRow(int groups, int b, int head, int query) {
    int group = groups == 1 ? 0 : groups == heads ? head : head * batch + b;
    return group * queries + query;
  }

  /**
   * Returns how many queries' rows a bias has of one query.
   *
   * @throws IllegalArgumentException if it has not as many as something of this shape
   */
  public int biasGroups(Tensor bias) {
    long area = (long) queries * tokens;
    long groups = bias.size() / area;
    if (bias.size() % area != 0
        || groups != 1 && groups != heads && groups != (long) heads * batch) {
      throw new IllegalArgumentException("Cannot add " + bias + " to scores of " + this);
    }
    return (int) groups;
  }

  /** Returns the factor on scores, {@code 1 / √headWidth}. */
  public float scale() {
    return (float) (1 / Math.sqrt(headWidth));
  }
}
