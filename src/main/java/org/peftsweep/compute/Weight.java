package org.peftsweep.compute;

/**
 * A matrix or vector that is only read, by what can be done with it: so models and methods do not
 * see how it is stored. All operands but the weight itself are {@link ElementType#F32}.
 *
 * <p>A vector is a matrix of one row.
 */
public sealed interface Weight permits DenseWeight, QuantisedWeight {
  /** Returns how its elements are stored. */
  ElementType type();

  int[] shape();

  /** Returns the product of all axes but the last. */
  int rows();

  /** Returns the extent of the last axis. */
  int columns();

  /** Returns the number of elements. */
  long size();

  /** Returns the memory that it takes, in bytes. */
  long bytes();

  /** {@code y ← x·wᵀ + bias}; x {@code [n, columns]}, y {@code [n, rows]}, bias or null. */
  void linear(Products products, Tensor x, Tensor bias, Tensor y);

  /** The same with a bias for each lane's rows, null for none. */
  void linear(Products products, Tensor x, Tensor[] biases, Lanes lanes, Tensor y);

  /** {@code dx ← dy·w + beta·dx}, the gradient of the product for x. */
  void linearBackward(Products products, Tensor dy, float beta, Tensor dx);

  /** {@code out[i] ← (adds ? out[i] : 0) + w[ids[i]]}. */
  void gather(Backend backend, Tensor ids, boolean adds, Tensor out);

  /** {@code out[i] ← √(Σⱼ w[i,j]²)}. */
  void rowNorms(Backend backend, Tensor out);

  /** Copies its values to a tensor of as many elements. */
  void copy(Backend backend, Tensor to);

  /** Copies {@code count} values, from the {@code from}-th of the row-major order on. */
  void read(Backend backend, long from, float[] target, int targetOffset, int count);

  /**
   * Returns its values themselves, sharing memory.
   *
   * @throws IllegalStateException unless they are stored as {@link ElementType#F32}
   */
  Tensor tensor();

  /** Whether both are the same memory. */
  boolean isSameAs(Weight other);

  /** Frees its memory, which nobody else may use. */
  void free(Backend backend);
}
