package org.peftsweep.model;

import java.util.List;

/**
 * A layer of a {@link Decoder}.
 *
 * @param window how many tokens up to itself a position sees, 0 for all
 * @param queryNorm of each head, {@code [headWidth]}, null in most decoders; keyNorm likewise
 * @param afterAttention the norm after that block, null in most decoders; afterFeedForward likewise
 */
record DecoderLayer(
    int window,
    Parameter attentionNorm,
    Linear query,
    Linear key,
    Linear value,
    Parameter queryNorm,
    Parameter keyNorm,
    Linear output,
    Parameter afterAttention,
    Parameter feedForwardNorm,
    Linear gate,
    Linear up,
    Linear down,
    Parameter afterFeedForward,
    Sublayer attention,
    Sublayer feedForward)
    implements Stack.Layer {
  @Override
  public List<Linear> linears() {
    return List.of(query, key, value, output, gate, up, down);
  }

  @Override
  public boolean areNormsOfBase() {
    return attentionNorm.isOfBase()
        && feedForwardNorm.isOfBase()
        && (queryNorm == null || queryNorm.isOfBase() && keyNorm.isOfBase())
        && (afterAttention == null || afterAttention.isOfBase() && afterFeedForward.isOfBase());
  }
}
