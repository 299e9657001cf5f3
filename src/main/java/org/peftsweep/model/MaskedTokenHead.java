package org.peftsweep.model;

import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * The head of masked language modelling (arXiv:1810.04805): dense, GELU, layer norm, and a
 * projection to the vocabulary by the word embedding itself plus a bias.
 *
 * @param words {@code [vocabulary, width]}
 * @param bias {@code [vocabulary]}
 */
record MaskedTokenHead(Linear dense, Norm norm, Parameter words, Parameter bias) implements Head {
  /**
   * Builds it.
   *
   * @param dense name of the dense layer's module; the others likewise
   */
  static MaskedTokenHead of(
      ModelConfig config,
      Backbone backbone,
      Builder builder,
      String dense,
      String norm,
      String bias) {
    int width = config.sizes().hidden();
    return new MaskedTokenHead(
        new Linear(
            dense,
            builder.base(dense + ".weight", Role.HEAD, -1, Fresh.NORMAL, width, width),
            builder.base(dense + ".bias", Role.HEAD, -1, Fresh.ZEROS, width)),
        builder.norm(norm, -1, width, config.normEpsilon()),
        backbone.embeddings().words(),
        builder.base(bias + ".bias", Role.HEAD, -1, Fresh.ZEROS, config.sizes().vocabulary()));
  }

  @Override
  public String task() {
    return "ForMaskedLM";
  }

  @Override
  public int[] positions(Batch batch) {
    return null;
  }

  @Override
  public Var outputs(Tape tape, Var states) {
    Var normed = norm.of(tape, dense.forwardGelu(tape, states));
    return tape.linear(normed, words.var(), bias.var());
  }
}
