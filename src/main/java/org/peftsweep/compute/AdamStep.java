package org.peftsweep.compute;

/**
 * The scalars of one AdamW update (Loshchilov and Hutter, arXiv:1711.05101), with bias corrections
 * applied.
 *
 * @param learningRate scheduled rate of this step
 * @param weightDecay decoupled decay; {@code θ ← θ·(1 − learningRate·weightDecay)} before the
 *     update
 * @param correction1 {@code 1 − β₁ᵗ}
 * @param correction2 {@code 1 − β₂ᵗ}
 */
public record AdamStep(
    float learningRate,
    float beta1,
    float beta2,
    float epsilon,
    float weightDecay,
    double correction1,
    double correction2) {
  /** Numbers of a step as kernels read them. */
  public static final int LENGTH = 6;

  /**
   * Writes {@code decay = 1 − learningRate·weightDecay, beta1, beta2, rate =
   * learningRate/correction1, rootCorrection = 1/√correction2, epsilon} for kernels.
   */
  public void write(float[] to, int at) {
    to[at] = (float) (1 - (double) learningRate * weightDecay);
    to[at + 1] = beta1;
    to[at + 2] = beta2;
    to[at + 3] = (float) (learningRate / correction1);
    to[at + 4] = (float) (1 / Math.sqrt(correction2));
    to[at + 5] = epsilon;
  }
}
