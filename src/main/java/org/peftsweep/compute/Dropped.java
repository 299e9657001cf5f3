package org.peftsweep.compute;

/** Which matrix of a product passes through dropout. */
public enum Dropped {
  /** {@code c ← alpha·drop(a)·op(b) + beta·c}. */
  LEFT,

  /** {@code c ← alpha·aᵀ·drop(b) + beta·c}. */
  RIGHT,

  /** {@code c ← drop(alpha·a·op(b)) + beta·c}. */
  RESULT;

  /** Returns the matrix meant. */
  public Tensor of(Tensor a, Tensor b, Tensor c) {
    return switch (this) {
      case LEFT -> a;
      case RIGHT -> b;
      case RESULT -> c;
    };
  }
}
