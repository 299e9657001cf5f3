package org.peftsweep.compute;

import java.util.List;

/**
 * Records the operations of a tape's steps as a graph of another library, which computes and
 * derives them in place of kernels.
 */
public interface Graph {
  /** Returns the backend whose kernels are recorded, for a tape to run on. */
  Backend backend();

  /** Begins a step; what was recorded before is forgotten. */
  void begin();

  /** Says what numbers are that the host handed to kernels. */
  void name(Tensor numbers, String name);

  /** Says that a parameter learns, before operations read it. */
  void learn(Tensor parameter);

  /** Lets no gradient through a value. */
  void hold(Tensor value);

  /** Inverts square blocks {@code [blocks·side, side]}, one under the other. */
  void invert(Tensor blocks, Tensor inverses);

  /**
   * Returns the gradients of the sum of this step's losses for parameters, in their order; zeros
   * where no loss depends on one.
   */
  List<float[]> gradients(List<Tensor> parameters);
}
