package org.peftsweep.spec;

import java.util.Objects;
import org.peftsweep.method.Settings;

/**
 * Learning rates by role (arXiv:2410.02247): query and key learn at η, value at λη.
 *
 * @param learningRate η, the rate of query, key and all that is neither value nor head
 * @param ratio λ = η_V / η_QK
 * @param headLearningRate rate of the classification head; η where the grouping is the paper's
 * @param grouping which tensors follow which rate
 */
public record Rates(double learningRate, double ratio, double headLearningRate, Grouping grouping) {
  /** The rates where nothing learns. */
  public static final Rates NONE = new Rates(0, 1, 0, Grouping.ROLES);

  /** Which tensors follow which rate. */
  public enum Grouping {
    /** By role: value tensors at λη, the head at its own rate, all else at η. */
    ROLES,
    /**
     * As in the published code: one-dimensional tensors, head biases too, count as value; the
     * head's matrices learn at η.
     */
    PAPER
  }

  public Rates {
    Settings.notNegative("learning-rate", learningRate);
    Settings.positive("ratio", ratio);
    Settings.notNegative("head-learning-rate", headLearningRate);
    Objects.requireNonNull(grouping, "grouping");
  }

  /** Returns η_V = λη. */
  public double valueLearningRate() {
    return ratio * learningRate;
  }
}
