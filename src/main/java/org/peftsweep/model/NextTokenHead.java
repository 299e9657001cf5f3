package org.peftsweep.model;

import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Tape;
import org.peftsweep.compute.Var;
import org.peftsweep.data.Batch;
import org.peftsweep.model.Weights.Fresh;

/**
 * The head of a language model: a frozen projection to the vocabulary, by the word embedding itself
 * where the configuration ties them.
 *
 * @param projection {@code [vocabulary, width]}, no bias
 */
record NextTokenHead(Parameter projection) implements Head {
  /**
   * Builds it.
   *
   * @param name of the projection's module
   */
  static NextTokenHead of(ModelConfig config, Backbone backbone, Builder builder, String name) {
    ModelConfig.Sizes sizes = config.sizes();
    return new NextTokenHead(
        config.tiedEmbeddings()
            ? backbone.embeddings().words()
            : builder.base(
                name + ".weight",
                Role.HEAD,
                -1,
                Fresh.NORMAL,
                sizes.vocabulary(),
                sizes.hidden()));
  }

  @Override
  public String task() {
    return LANGUAGE_MODEL;
  }

  @Override
  public int[] positions(Batch batch) {
    return null;
  }

  @Override
  public Var outputs(Tape tape, Var states) {
    return tape.linear(states, projection.var(), null);
  }
}
