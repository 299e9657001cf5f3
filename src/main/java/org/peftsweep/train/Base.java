package org.peftsweep.train;

import org.peftsweep.checkpoint.Checkpoint;
import org.peftsweep.checkpoint.ModelConfig;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.model.CheckpointWeights;
import org.peftsweep.model.Model;
import org.peftsweep.model.Models;

/** A base model on this machine: its configuration, tokenizer and weights that trials share. */
record Base(Checkpoint checkpoint, CheckpointWeights weights, Tokenizer tokenizer) {
  ModelConfig config() {
    return checkpoint.config();
  }

  /** Returns the model without its values. */
  Model outline(int outputs) {
    return Models.outline(config(), outputs);
  }
}
