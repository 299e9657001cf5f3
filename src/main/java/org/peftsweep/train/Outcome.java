package org.peftsweep.train;

import java.util.List;
import java.util.SortedMap;
import org.peftsweep.compute.GpuReading;
import org.peftsweep.method.adapter.MethodHooks.LayerScore;

/**
 * What became of a trial. Quantities that were not measured are null.
 *
 * @param reason one sentence, null if finished with defined scores
 * @param best the evaluation point with the best validation score (the first of equals); the last
 *     one where that score is undefined everywhere
 * @param last the evaluation point after the last step
 * @param trainableParameters scalars that learned, head excluded
 * @param headParameters scalars of the head
 * @param optimizerBytes most memory of the optimizer's state
 * @param peakBytes most off-heap memory that the trial held at once, shared frozen weights excluded
 * @param predictedPeakBytes peakBytes as told before the trial ran
 * @param loadSeconds wall clock of reading model and data; shared work counts for the trial that
 *     did it
 * @param prepareSeconds wall clock of computing the method's start from base or data, whichever
 *     trial did it; null for methods that compute none
 * @param prepareBytes memory of that start
 * @param trainSeconds wall clock of all optimizer steps
 * @param evaluateSeconds wall clock of all evaluations
 * @param pack name of the pack that it trained in, null where it trained alone; its seconds are
 *     then its share of the pack's, by rows
 * @param packSeconds wall clock of the pack's passes while it was in it
 * @param device what it ran on, as the backend names it
 * @param gpu what its GPU told at the end, with the energy since the start; null on a processor
 * @param layers scores of layers, of methods that keep them
 * @param ranks of each adapted matrix at the end, of methods that share them out
 */
public record Outcome(
    Status status,
    String reason,
    CurvePoint best,
    CurvePoint last,
    Long trainableParameters,
    Long headParameters,
    Integer steps,
    Double finalLoss,
    Long optimizerBytes,
    Long peakBytes,
    Long predictedPeakBytes,
    Double loadSeconds,
    Double prepareSeconds,
    Long prepareBytes,
    Double trainSeconds,
    Double evaluateSeconds,
    String pack,
    Double packSeconds,
    String backend,
    String device,
    GpuReading gpu,
    List<CurvePoint> curve,
    List<Prediction> predictions,
    List<LayerScore> layers,
    SortedMap<String, Integer> ranks) {
  /**
   * Returns the point of a curve that counts: the first one of the highest validation score; the
   * last one without validation, or where that is undefined at every step.
   */
  static CurvePoint best(List<CurvePoint> curve) {
    CurvePoint best = curve.get(curve.size() - 1);
    for (int i = curve.size() - 2; i >= 0; i--) {
      Double score = curve.get(i).validationScore();
      Double highest = best.validationScore();
      if (score != null
          && Double.isFinite(score)
          && (highest == null || !Double.isFinite(highest) || score >= highest)) {
        best = curve.get(i);
      }
    }
    return best;
  }

  /** Returns the loss of the texts of retention before the first step; null where it has none. */
  public Double retentionLossBefore() {
    return curve.isEmpty() || curve.get(0).step() > 0 ? null : curve.get(0).retentionLoss();
  }

  /** Returns the same of a trial that trained in a pack. */
  Outcome inPack(String name, double seconds) {
    return new Outcome(
        status,
        reason,
        best,
        last,
        trainableParameters,
        headParameters,
        steps,
        finalLoss,
        optimizerBytes,
        peakBytes,
        predictedPeakBytes,
        loadSeconds,
        prepareSeconds,
        prepareBytes,
        trainSeconds,
        evaluateSeconds,
        name,
        seconds,
        backend,
        device,
        gpu == null ? null : gpu.withoutEnergy(),
        curve,
        predictions,
        layers,
        ranks);
  }

  /** How a trial ended (design: a failed trial is a row too). */
  public enum Status {
    FINISHED,
    DIVERGED,
    OOM,
    TIMEOUT,
    INVALID,
    FAILED,
    STOPPED
  }

  /**
   * One evaluation.
   *
   * @param trainLoss mean over the steps since the evaluation before, null at step 0
   * @param validationScore the task's first metric on the validation part, in [−1, 1]; null without
   *     one
   * @param devScore the same on the reported sets, their mean where there are two; null where the
   *     trial may not look at them
   * @param devMetrics every metric of every reported set, {@code "dev/accuracy"} to value, in order
   * @param gradientNorm mean over the same steps as the loss, before clipping; null at step 0
   * @param retentionLoss mean cross-entropy of the texts of retention, in nats a token; null where
   *     the trial has none
   */
  public record CurvePoint(
      int step,
      double epoch,
      Double trainLoss,
      Double validationScore,
      Double devScore,
      SortedMap<String, Double> devMetrics,
      double seconds,
      Double gradientNorm,
      Double retentionLoss) {
    /** A point of a trial that measures no retention. */
    public CurvePoint(
        int step,
        double epoch,
        Double trainLoss,
        Double validationScore,
        Double devScore,
        SortedMap<String, Double> devMetrics,
        double seconds,
        Double gradientNorm) {
      this(
          step,
          epoch,
          trainLoss,
          validationScore,
          devScore,
          devMetrics,
          seconds,
          gradientNorm,
          null);
    }

    /** Returns the same without what was measured of retention. */
    CurvePoint withoutRetention() {
      return new CurvePoint(
          step, epoch, trainLoss, validationScore, devScore, devMetrics, seconds, gradientNorm);
    }
  }

  /**
   * One example of a reported set as the model of the {@link #best} point sees it.
   *
   * @param example place in the set
   * @param label true class id or value
   * @param prediction class id, or value of a regression
   * @param score probability of the predicted class, or the value
   * @param outputs a logit a class, or the value
   */
  public record Prediction(
      String set,
      int example,
      double label,
      double prediction,
      double score,
      List<Double> outputs) {}
}
