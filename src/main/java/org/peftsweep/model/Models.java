package org.peftsweep.model;

import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;

/** Builds the model that a configuration describes. */
public final class Models {
  private Models() {}

  /**
   * Builds a model for sequence classification whose base is frozen and whose head learns.
   *
   * @param outputs number of classes, or 1 for a regression
   */
  public static Model build(ModelConfig config, int outputs, Backend backend, Weights weights) {
    return switch (config.family()) {
      case ROBERTA -> new Roberta(config, outputs, backend, weights);
      case BERT -> new Bert(config, outputs, backend, weights);
      case LLAMA -> new Llama(config, outputs, backend, weights);
    };
  }

  /**
   * Returns a model that has names, roles and shapes but no values: for counting and planning. It cannot compute.
   */
  public static Model outline(ModelConfig config, int outputs) {
    return build(config, outputs, null, new Outline());
  }
}
