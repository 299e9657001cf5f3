package org.peftsweep.report;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * A row of {@code trials}, as far as reports read it; what was not measured is null.
 *
 * @param settings all that may tell two recipes apart, by column
 * @param axes every setting as sweep files name it; empty for rows of another version
 * @param isTuning whether it chose settings and was never evaluated
 * @param copy 0, or the number of a copy
 * @param score on the reported sets, at the step that the validation part chose
 * @param lastScore the same after the last step
 * @param scoreStep step of the score
 * @param steps all that were taken
 * @param trainable scalars that learn besides the head
 * @param lossBefore of the texts of retention, before the first step
 * @param lossAfter the same at the step of the score
 * @param slotSeconds from start to end
 * @param fingerprint hardware and software that times and memory depend on
 */
record Run(
    String id,
    String title,
    String status,
    String reason,
    String task,
    String metric,
    Map<String, Object> settings,
    SortedMap<String, String> axes,
    long seed,
    boolean isTuning,
    int copy,
    Double score,
    Double lastScore,
    Integer scoreStep,
    Integer steps,
    Double validationScore,
    Long trainable,
    Long peakBytes,
    Double trainSeconds,
    Double lossBefore,
    Double lossAfter,
    double slotSeconds,
    String fingerprint) {

  /** Returns the same with another name of the task and other settings. */
  Run with(String task, Map<String, Object> settings) {
    return new Run(
        id,
        title,
        status,
        reason,
        task,
        metric,
        settings,
        axes,
        seed,
        isTuning,
        copy,
        score,
        lastScore,
        scoreStep,
        steps,
        validationScore,
        trainable,
        peakBytes,
        trainSeconds,
        lossBefore,
        lossAfter,
        slotSeconds,
        fingerprint);
  }

  /** Returns by how much training raised the loss of the texts of retention; null for not known. */
  Double forgotten() {
    return isFinite(lossBefore) && isFinite(lossAfter) ? lossAfter - lossBefore : null;
  }

  boolean isFinished() {
    return status.equals("finished");
  }

  /** Whether a rule or a user stopped it early. */
  boolean isStopped() {
    return status.equals("stopped");
  }

  /** Whether it is finished without the score that it would be ranked by. */
  boolean isUndefined() {
    return isFinished() && !isFinite(isTuning ? validationScore : score);
  }

  /**
   * Whether it is one of the evaluations that a recipe is judged by, however it came to its end.
   */
  boolean isEvaluation() {
    return !isTuning && copy == 0 && !isStopped();
  }

  /** Whether it is such an evaluation and has a score. */
  boolean isScored() {
    return isEvaluation() && isFinished() && isFinite(score);
  }

  /**
   * Returns how it ended, where that is not with a score: a model that answers all alike collapsed.
   */
  String ending() {
    return isUndefined() ? "collapsed" : status;
  }

  /** Whether it ended without a score by the recipe's own fault. */
  boolean broke() {
    return List.of("collapsed", "diverged").contains(ending());
  }

  static boolean isFinite(Double number) {
    return number != null && Double.isFinite(number);
  }
}
