package org.peftsweep.spec;

import java.util.Objects;
import org.peftsweep.compute.ElementType;

/**
 * What training starts from: a base model, and maybe an adapter of it.
 *
 * @param location {@code builtin:mini}, or a folder on any Hadoop file system
 * @param contentHash SHA-256 over configuration, weights and tokenizer, which identifies the model
 *     wherever it lies
 * @param randomInit whether the weights are drawn anew from the trial's seed instead of read: the
 *     baseline that shows what pretraining is worth
 * @param adapter that the method starts from
 * @param weights how matrices of the base that do not learn are stored
 */
public record ModelSource(
    String location,
    String contentHash,
    boolean randomInit,
    AdapterSource adapter,
    Storage weights) {
  /** How frozen matrices are stored. */
  public enum Storage {
    FP32(ElementType.F32),
    /** Rounded to nearest, in half the memory. */
    BF16(ElementType.BF16),
    /** Projections of layers as LLM.int8 has weights, other matrices as with {@link #BF16}. */
    INT8(ElementType.I8),
    /** Projections of layers as QLoRA has them, other matrices as with {@link #BF16}. */
    NF4(ElementType.NF4);

    private final ElementType type;

    Storage(ElementType type) {
      this.type = type;
    }

    public ElementType type() {
      return type;
    }
  }

  /** Locations that begin so name a model inside the application jar. */
  public static final String BUILT_IN = "builtin:";

  public ModelSource {
    Objects.requireNonNull(location, "location");
    Objects.requireNonNull(contentHash, "contentHash");
    Objects.requireNonNull(adapter, "adapter");
    Objects.requireNonNull(weights, "weights");
  }

  /** A base model without an adapter, in 32-bit floats. */
  public ModelSource(String location, String contentHash, boolean randomInit) {
    this(location, contentHash, randomInit, AdapterSource.NONE, Storage.FP32);
  }
}
