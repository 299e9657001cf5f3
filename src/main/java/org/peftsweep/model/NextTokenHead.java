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
 * @param cap what outputs y are held below by {@code cap·tanh(y / cap)}, 0 for nothing
 */
record NextTokenHead(Parameter projection, float cap) implements Head {
  /**
   * Builds it.
   *
   * @param name of the projection's module
   * @param cap of outputs, 0 for none
   */
  static NextTokenHead of(
      ModelConfig config, Backbone backbone, Builder builder, String name, float cap) {
    ModelConfig.Sizes sizes = config.sizes();
    return new NextTokenHead(
        config.tiedEmbeddings()
            ? backbone.embeddings().words()
            : builder.base(
                name + ".weight", Role.HEAD, -1, Fresh.NORMAL, sizes.vocabulary(), sizes.hidden()),
        cap);
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
    Var outputs = tape.linear(states, projection.var(), null);
    if (cap == 0) {
      return outputs;
    }
    Var part = tape.scale(outputs, 1 / cap);
    tape.done(outputs);
    Var bent = tape.tanh(part);
    tape.done(part);
    Var held = tape.scale(bent, cap);
    tape.done(bent);
    return held;
  }
}
