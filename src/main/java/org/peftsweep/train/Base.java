package org.peftsweep.train;

import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.compute.Backend;
import org.peftsweep.data.Seeds;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;
import org.peftsweep.model.PrefixCache;
import org.peftsweep.model.RandomWeights;
import org.peftsweep.model.Weights;
import org.peftsweep.spec.Trial;

/** A base model on this machine: its configuration, tokenizer and weights that trials share. */
record Base(Checkpoint checkpoint, CheckpointWeights weights, Tokenizer tokenizer) {
  ModelConfig config() {
    return checkpoint.config();
  }

  /** Returns the id that fills short rows up. */
  int padId() {
    return config().padTokenId().orElse(tokenizer.padId());
  }

  /** Returns the model without its values. */
  Model outline(int outputs) {
    return Models.outline(config(), outputs);
  }

  /** Returns whether the checkpoint has no tensor of that name. */
  boolean lacks(String name) {
    return checkpoint.lookup(name).isEmpty();
  }

  /** Returns the weights that a trial starts from: these, or others drawn from its seed. */
  Weights weights(Trial trial, Backend backend) {
    return weights(trial, backend, null);
  }

  /**
   * The same.
   *
   * @param prefixes where hidden states of frozen layers over these weights are kept, or null
   */
  Weights weights(Trial trial, Backend backend, PrefixCache prefixes) {
    Seeds seeds = new Seeds(trial.seed());
    return trial.model().randomInit()
        ? new RandomWeights(
            backend, config().initializerRange(), seeds, trial.model().weights().type())
        : weights.forTrial(backend, seeds, prefixes);
  }
}
