package org.peftsweep.compute;

/** One-line checks of shapes where tensors enter a kernel. */
final class Shapes {
  private Shapes() {}

  static void requireSame(String what, Tensor a, Tensor b) {
    if (a.rows() != b.rows() || a.columns() != b.columns()) {
      throw new IllegalArgumentException(
          "Cannot " + what + " " + a + " and " + b + ": shapes differ");
    }
  }

  static void requireLength(String what, Tensor vector, int length) {
    if (vector.size() != length) {
      throw new IllegalArgumentException(
          "Cannot " + what + " with a vector of " + vector.size() + ": " + length + " are needed");
    }
  }

  static void requireProduct(String what, Tensor a, int inner, Object b, int otherInner) {
    if (inner != otherInner) {
      throw new IllegalArgumentException(
          "Cannot " + what + " " + a + " by " + b + ": inner sizes differ");
    }
  }
}
