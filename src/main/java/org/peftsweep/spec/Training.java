package org.peftsweep.spec;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import org.peftsweep.compute.ElementType;
import org.peftsweep.data.Padding;
import org.peftsweep.data.Tokenizer;
import org.peftsweep.method.Settings;
import org.peftsweep.optim.Optimizer;
import org.peftsweep.optim.Schedule;

/**
 * How a trial trains.
 *
 * @param epochs passes over the training part; fractions allowed; ignored where maxSteps is given;
 *     0 for no step at all
 * @param maxSteps number of optimizer steps, 0 to go by epochs
 * @param batch examples of one forward and backward pass
 * @param accumulate passes whose gradients are averaged into one optimizer step
 * @param maxTokens longest input, in tokens, special ones included
 * @param pad whether rows are padded to maxTokens or to the longest of the batch
 * @param bucketBatches batches within which examples are sorted by length, 1 for no sorting
 * @param schedule of the learning rate after warm-up
 * @param warmupFraction part of all steps in which the rate rises from 0, in [0, 1)
 * @param clip global gradient norm above which gradients are scaled down, 0 for none
 * @param weightDecay decoupled, times the rate of the step
 * @param optimizer with its settings
 * @param evaluateEvery optimizer steps between evaluations, 0 for once an epoch
 * @param precision of products, forwards and back
 * @param packing whether texts for a language model are put together into rows of maxTokens, of
 *     which batch then counts
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
    Optimizer optimizer,
    int evaluateEvery,
    Precision precision,
    boolean packing) {
  /** Number format of the factors of products; all else is in 32-bit floats. */
  public enum Precision {
    FP32(ElementType.F32),
    TF32(ElementType.TF32),
    BF16(ElementType.BF16);

    private final ElementType factors;

    Precision(ElementType factors) {
      this.factors = factors;
    }

    public ElementType factors() {
      return factors;
    }
  }

  /** A training whose rows are an example each. */
  public Training(
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
      Optimizer optimizer,
      int evaluateEvery,
      Precision precision) {
    this(
        epochs,
        maxSteps,
        batch,
        accumulate,
        maxTokens,
        pad,
        bucketBatches,
        schedule,
        warmupFraction,
        clip,
        weightDecay,
        optimizer,
        evaluateEvery,
        precision,
        false);
  }

  private static final double MOST_EPOCHS = 100_000;

  public Training {
    Settings.between("epochs", epochs, 0.0, MOST_EPOCHS);
    Settings.between("max-steps", maxSteps, 0, Settings.MOST_STEPS);
    Settings.between("batch", batch, 1, Settings.MOST);
    Settings.between("accumulate", accumulate, 1, Settings.MOST);
    Settings.between("max-tokens", maxTokens, Tokenizer.LEAST_TOKENS, Settings.MOST);
    requireIndexable(batch, maxTokens);
    Objects.requireNonNull(pad, "pad");
    Settings.between("bucket-batches", bucketBatches, 1, Settings.MOST);
    Objects.requireNonNull(schedule, "schedule");
    Settings.fraction("warmup-fraction", warmupFraction);
    Settings.notNegative("clip", clip);
    Settings.notNegative("weight-decay", weightDecay);
    Objects.requireNonNull(optimizer, "optimizer");
    Settings.between("evaluate-every", evaluateEvery, 0, Settings.MOST_STEPS);
    Objects.requireNonNull(precision, "precision");
  }

  /** Refuses batches whose tokens cannot be counted in whole numbers. */
  static void requireIndexable(int batch, int maxTokens) {
    if ((long) batch * maxTokens > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "Cannot use batch = %d: give at most %d with max-tokens = %d"
              .formatted(batch, Integer.MAX_VALUE / maxTokens, maxTokens));
    }
  }

  /** Returns the names of all settings, as sweep files have them, those of all optimizers last. */
  public static List<String> keys() {
    List<String> keys = new ArrayList<>(RecordFields.names(Training.class));
    keys.addAll(RecordFields.ofOptimizers());
    return List.copyOf(keys);
  }

  /** Returns all settings by their names in sweep files. */
  public SortedMap<String, Object> byKey() {
    return RecordFields.of(this);
  }

  /** Whether at least one step is taken. */
  public boolean takesSteps() {
    return epochs > 0 || maxSteps > 0;
  }

  /**
   * Returns the same with some values replaced.
   *
   * @param others by their names in sweep files
   */
  public Training with(Map<String, Object> others) {
    return RecordFields.with(this, others);
  }

  /** Returns the same without a single step. */
  public Training withoutSteps() {
    return with(Map.of("epochs", 0.0, "max-steps", 0));
  }
}
