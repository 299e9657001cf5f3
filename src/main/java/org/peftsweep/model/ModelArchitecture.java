package org.peftsweep.model;

import org.peftsweep.checkpoint.Architecture;
import org.peftsweep.checkpoint.CheckpointException;
import org.peftsweep.checkpoint.ModelConfig;

/** An architecture with its code: a backbone, and a head for each thing that it can be taught. */
interface ModelArchitecture extends Architecture {
  /** Builds all below the head. */
  Backbone backbone(ModelConfig config, Builder builder);

  /**
   * Builds a head that classifies whole inputs, or estimates a value of them.
   *
   * @param outputs number of classes, or 1 for a value
   */
  Head classifier(ModelConfig config, int outputs, Builder builder);

  /**
   * Builds the head that tells each position's next token.
   *
   * @throws CheckpointException if the architecture has none
   */
  default Head nextToken(ModelConfig config, Backbone backbone, Builder builder) {
    throw new CheckpointException(
        "Cannot write text with model_type = " + modelTypes().get(0) + ": give a decoder");
  }

  /**
   * Builds the head that tells masked tokens.
   *
   * @throws CheckpointException if the architecture has none
   */
  default Head maskedTokens(ModelConfig config, Backbone backbone, Builder builder) {
    throw new CheckpointException(
        "Cannot fill in masked tokens with model_type = "
            + modelTypes().get(0)
            + ": give a bidirectional encoder");
  }
}
