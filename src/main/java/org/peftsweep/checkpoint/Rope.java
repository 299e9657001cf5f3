package org.peftsweep.checkpoint;

/**
 * Rotary position embedding of a Llama model: pair {@code i} of a head of width {@code d} turns by
 * {@code position * theta^(-2i/d)} radians, a frequency that the scaling may change.
 *
 * @param theta the base of the frequencies
 */
public record Rope(double theta, Scaling scaling) {
  /** How frequencies are changed for contexts longer than those of the pretraining. */
  public sealed interface Scaling permits None, Linear, Llama3, Yarn {}

  /** Frequencies stay as they are; {@code default} in a config.json. */
  public record None() implements Scaling {}

  /** Every frequency is divided by a factor (Chen et al., 2023, arXiv:2306.15595). */
  public record Linear(double factor) implements Scaling {}

  /**
   * Llama 3.1's rule: wavelengths above {@code originalPositions / lowFrequencyFactor} are
   * stretched by the factor, those below {@code originalPositions / highFrequencyFactor} stay, and
   * between the two the frequency is interpolated.
   *
   * @param originalPositions context length of the pretraining, tokens
   */
  public record Llama3(
      double factor, double lowFrequencyFactor, double highFrequencyFactor, int originalPositions)
      implements Scaling {}

  /**
   * YaRN (Peng et al., arXiv:2309.00071, §3.2): pairs that turn more than {@code fastTurns} times
   * in the pretraining's context stay, those below {@code slowTurns} are stretched by the factor,
   * and between the two pairs the frequency is interpolated by the pair's place.
   *
   * @param attentionFactor of cosines and sines, which takes the place of a temperature of the
   *     softmax (§3.4)
   * @param originalPositions context length of the pretraining, tokens
   * @param wholePairs whether the ends of the ramp are rounded outwards to whole pairs
   */
  public record Yarn(
      double factor,
      double attentionFactor,
      double fastTurns,
      double slowTurns,
      int originalPositions,
      boolean wholePairs)
      implements Scaling {}
}
