package org.peftsweep.spec;

/**
 * Learning rates by role (arXiv:2410.02247): query and key learn at η, value at λη.
 *
 * @param learningRate η, the rate of query, key and all that is neither value nor head
 * @param ratio λ = η_V / η_QK
 * @param headLearningRate rate of the classification head
 * @param grouping which tensors follow which rate
 */
public record Rates(double learningRate, double ratio, double headLearningRate, Grouping grouping) {
  /** Which tensors follow which rate. */
  public enum Grouping {
    /** By role: value tensors at λη, the head at its own rate, all else at η. */
    ROLES,
    /** As in the published code: one-dimensional tensors, head biases too, count as value. */
    PAPER
  }
}
