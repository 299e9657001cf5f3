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
    double correction2) {}
