package org.peftsweep.model;

import org.peftsweep.compute.ElementType;
import org.peftsweep.compute.Tensor;
import org.peftsweep.compute.Weight;

/** Where a model's tensors come from: a checkpoint, or a random draw. */
public interface Weights {
  /** What a tensor holds when no checkpoint supplies it. */
  enum Fresh {
    /** N(0, σ²) with the configuration's initializer range as σ. */
    NORMAL,
    ZEROS,
    ONES
  }

  /**
   * Returns the storage of a tensor of the base: matrices as asked, vectors, which are few, in
   * 32-bit floats.
   */
  static ElementType storage(ElementType matrices, int... shape) {
    return shape.length == 1 ? ElementType.F32 : matrices;
  }

  /**
   * Returns a tensor of the base model, to be read only.
   *
   * @throws org.peftsweep.checkpoint.CheckpointException if there is none of that name and shape
   */
  Weight base(String name, Fresh fresh, int... shape);

  /**
   * Returns a tensor of the base model that a checkpoint may lack, such as a pooler: drawn anew
   * then, in memory of the caller's own.
   *
   * @throws org.peftsweep.checkpoint.CheckpointException if it is there in another shape
   */
  default Weight optional(String name, Fresh fresh, int... shape) {
    return base(name, fresh, shape);
  }

  /** Whether a tensor of the base is memory of the caller's own. */
  default boolean owns(String name) {
    return false;
  }

  /** Returns where hidden states of frozen layers over these weights are kept; null for nowhere. */
  default PrefixCache prefixes() {
    return null;
  }

  /**
   * Returns a tensor of the head in memory of the caller's own, filled from the checkpoint where it
   * has one of that shape, else drawn anew.
   */
  Tensor head(String name, Fresh fresh, int... shape);
}
