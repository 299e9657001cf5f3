package org.peftsweep.compute;

import java.util.List;

/** Kernels that end a training step: numbers of the step, clipping, AdamW. */
public interface StepKernels {
  /** {@code sum ← sum + factor·number}, both of {@code F64} and one element. */
  void addNumber(double factor, Tensor number, Tensor sum);

  /** {@link #addNumber} of several, in order; a sum may be met more than once. */
  default void addNumbers(double[] factors, Tensor[] numbers, Tensor[] sums) {
    for (int i = 0; i < factors.length; i++) {
      addNumber(factors[i], numbers[i], sums[i]);
    }
  }

  /**
   * Moves numbers to the ends of lists, all of {@code F64}: {@code list[1 + n·list[0] + i] ←
   * numbers[i]} for all n of them, {@code list[0] ← list[0] + 1}, {@code numbers ← 0}.
   *
   * @param lists one for each of {@code numbers}, with room for them
   */
  void append(Tensor[] numbers, Tensor[] lists);

  /**
   * {@code norm ← √Σ g²} over all gradients, in double precision, and scales them by {@code min(1,
   * most / (norm + 1e-6))}; 0 for most leaves them as they are.
   */
  void clip(List<Tensor> gradients, double most, Tensor norm);

  /** {@link #clip} of several lists of gradients, each by its own norm. */
  default void clip(List<List<Tensor>> gradients, double[] most, Tensor[] norms) {
    for (int i = 0; i < most.length; i++) {
      clip(gradients.get(i), most[i], norms[i]);
    }
  }

  /**
   * AdamW of each parameter: {@code m ← β₁m + (1 − β₁)g}, {@code v ← β₂v + (1 − β₂)g²}, {@code p ←
   * decay·p − rate·m / (√v·rootCorrection + ε)}.
   *
   * @param steps {@code [parameters, 6]}, a row each, as {@link AdamStep} writes it
   */
  void adamW(List<Moments> parameters, Tensor steps);
}
