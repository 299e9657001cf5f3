package org.peftsweep.spec;

import java.util.Objects;

/**
 * Where a base model comes from.
 *
 * @param location {@code builtin:mini}, or a folder on any Hadoop file system
 * @param contentHash SHA-256 over configuration, weights and tokenizer, which identifies the model
 *     wherever it lies
 * @param randomInit whether the weights are drawn anew from the trial's seed instead of read: the
 *     baseline that shows what pretraining is worth
 */
public record ModelSource(String location, String contentHash, boolean randomInit) {
  /** Locations that begin so name a model inside the application jar. */
  public static final String BUILT_IN = "builtin:";

  public ModelSource {
    Objects.requireNonNull(location, "location");
    Objects.requireNonNull(contentHash, "contentHash");
  }
}
