package org.peftsweep.spec;

import org.peftsweep.data.Padding;
import org.peftsweep.optim.Schedule;

/**
 * How a trial trains.
 *
 * @param epochs passes over the training part; fractions allowed; ignored where maxSteps is given
 * @param maxSteps number of optimizer steps, 0 to go by epochs
 * @param batch examples of one forward pass
 * @param accumulate forward passes whose gradients are averaged for one optimizer step
 * @param maxTokens longest input, in tokens, special ones included
 * @param pad whether rows are padded to maxTokens or to the longest of the batch
 * @param bucketBatches batches within which examples are sorted by length, 1 for no sorting
 * @param schedule of the learning rate after warm-up
 * @param warmupFraction part of all steps in which the rate rises from 0
 * @param clip global gradient norm above which gradients are scaled down, 0 for none
 * @param evaluateEvery steps between evaluations, 0 for once an epoch
 */
public record Training(
    double epochs,
    int maxSteps,
    int batch,
    int accumulate,
    int maxTokens,
    Padding pad,
    int bucketBatches,
    Schedule schedule,
    double warmupFraction,
    double clip,
    double weightDecay,
    double beta1,
    double beta2,
    double epsilon,
    int evaluateEvery,
    Precision precision) {
  /** Number format of products. */
  public enum Precision {
    FP32
  }
}
