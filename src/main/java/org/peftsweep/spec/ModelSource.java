package org.peftsweep.spec;

import java.util.Objects;

/**
 * What training starts from: a base model, and maybe an adapter of it.
 *
 * @param location {@code builtin:mini}, or a folder on any Hadoop file system
 * @param contentHash SHA-256 over configuration, weights and tokenizer, which identifies the model
 *     wherever it lies
 * @param randomInit whether the weights are drawn anew from the trial's seed instead of read: the
 *     baseline that shows what pretraining is worth
 * @param adapter that the method starts from
 */
public record ModelSource(
    String location, String contentHash, boolean randomInit, AdapterSource adapter) {
  /** Locations that begin so name a model inside the application jar. */
  public static final String BUILT_IN = "builtin:";

  public ModelSource {
    Objects.requireNonNull(location, "location");
    Objects.requireNonNull(contentHash, "contentHash");
    Objects.requireNonNull(adapter, "adapter");
  }

  /** A base model without an adapter. */
  public ModelSource(String location, String contentHash, boolean randomInit) {
    this(location, contentHash, randomInit, AdapterSource.NONE);
  }
}
