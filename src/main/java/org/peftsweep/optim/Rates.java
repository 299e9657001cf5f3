package org.peftsweep.optim;

import java.util.Objects;
import org.peftsweep.model.Parameter;
import org.peftsweep.model.Role;

/**
 * Learning rates by role (arXiv:2410.02247, §4): query and key learn at η, value at λη.
 *
 * @param learningRate η, the rate of query, key and all that is neither value nor head
 * @param ratio λ = η_V / η_QK
 * @param headLearningRate rate of the classification head
 * @param grouping which tensors follow which rate
 */
public record Rates(double learningRate, double ratio, double headLearningRate, Grouping grouping) {
  /** The rates where nothing learns. */
  public static final Rates NONE = new Rates(0, 1, 0, Grouping.ROLES);

  public Rates {
    requireRate("learning-rate", learningRate);
    requireRate("ratio", ratio);
    requireRate("head-learning-rate", headLearningRate);
    if (ratio == 0) {
      throw new IllegalArgumentException("Cannot use ratio = 0: give a number above 0");
    }
    Objects.requireNonNull(grouping, "grouping");
  }

  private static void requireRate(String setting, double value) {
    if (!(value >= 0) || Double.isInfinite(value)) {
      throw new IllegalArgumentException(
          "Cannot use " + setting + " = " + value + ": give a number of at least 0");
    }
  }

  /** Which tensors follow which rate. */
  public enum Grouping {
    /** By role: value tensors at λη, the head at its own rate, all else at η. */
    ROLES {
      @Override
      double rate(Rates rates, Parameter parameter) {
        if (parameter.role() == Role.HEAD) {
          return rates.headLearningRate;
        }
        return parameter.role() == Role.VALUE ? rates.valueLearningRate() : rates.learningRate;
      }

      @Override
      boolean decays(Parameter parameter) {
        return parameter.role() != Role.NORM && !parameter.name().endsWith("bias");
      }
    },
    /**
     * As the published code groups by name: one-dimensional tensors count as value unless their
     * name holds "query" or "key" — head biases do, and so do DoRA's magnitudes of Llama's q_proj
     * and k_proj; all the rest follows η. Nothing decays, since that code drops the setting.
     */
    PAPER {
      @Override
      double rate(Rates rates, Parameter parameter) {
        String name = parameter.name();
        boolean oneAxis = parameter.value().shape().length == 1;
        if (name.contains("value") || oneAxis || name.contains("v_proj")) {
          boolean queryOrKey = name.contains("query") || name.contains("key");
          return queryOrKey ? rates.learningRate : rates.valueLearningRate();
        }
        return rates.learningRate;
      }

      @Override
      boolean decays(Parameter parameter) {
        return false;
      }
    };

    abstract double rate(Rates rates, Parameter parameter);

    abstract boolean decays(Parameter parameter);
  }

  /** Returns what is left of the rates where the optimizer finds its own: the ratio alone. */
  public Rates relative() {
    return new Rates(1, ratio, 1, grouping);
  }

  /** Returns the same where nothing that learns belongs to W_v alone: λ is 1. */
  public Rates withoutRatio() {
    return new Rates(learningRate, 1, headLearningRate, grouping);
  }

  /** Returns η_V = λη. */
  public double valueLearningRate() {
    return ratio * learningRate;
  }

  /** Returns the rate of a parameter before the schedule: its group's, times its own factor. */
  public double of(Parameter parameter) {
    return grouping.rate(this, parameter) * parameter.rateFactor();
  }

  /**
   * Whether weight decay acts on a parameter; biases and norms are left out, as in the reference
   * trainer.
   */
  public boolean decays(Parameter parameter) {
    return grouping.decays(parameter);
  }
}
