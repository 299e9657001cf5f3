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
   * Returns the storage of a tensor of the base that is no projection of a layer: matrices as
   * asked, in {@link ElementType#BF16} where that quantises; vectors, which are few, in 32-bit
   * floats.
   *
   * @param matrices how matrices are stored
   */
  static ElementType storage(ElementType matrices, int... shape) {
    if (shape.length == 1) {
      return ElementType.F32;
    }
    return matrices.isQuantised() ? ElementType.BF16 : matrices;
  }

  /**
   * Returns a tensor of the base model, to be read only.
   *
   * @throws org.peftsweep.checkpoint.CheckpointException if there is none of that name and shape
   */
  Weight base(String name, Fresh fresh, int... shape);

  /**
   * Returns the matrix of a projection of the layers, to be read only: it alone may be quantised.
   *
   * @throws org.peftsweep.checkpoint.CheckpointException if there is none of that name and shape
   */
  default Weight projection(String name, Fresh fresh, int out, int in) {
    return base(name, fresh, out, in);
  }

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
