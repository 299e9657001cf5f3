package org.peftsweep.report;

import java.util.Map;

/**
 * A row of {@code trials}, as far as reports read it; what was not measured is null.
 *
 * @param settings all that may tell two recipes apart, by column
 * @param isTuning whether it chose settings and was never evaluated
 * @param copy 0, or the number of a copy
 * @param score on the reported sets, at the step that the validation part chose
 * @param lastScore the same after the last step, which is what predictions are of
 * @param trainable scalars that learn besides the head
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
    long seed,
    boolean isTuning,
    int copy,
    Double score,
    Double lastScore,
    Double validationScore,
    Long trainable,
    Long peakBytes,
    Double trainSeconds,
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
        seed,
        isTuning,
        copy,
        score,
        lastScore,
        validationScore,
        trainable,
        peakBytes,
        trainSeconds,
        slotSeconds,
        fingerprint);
  }

  boolean isFinished() {
    return status.equals("finished");
  }

  /** Whether it is finished without the score that it would be ranked by. */
  boolean isUndefined() {
    Double counts = isTuning ? validationScore : score;
    return isFinished() && (counts == null || Double.isNaN(counts));
  }

  /** Whether it counts for the scores of its recipe. */
  boolean isScored() {
    return isFinished() && !isTuning && copy == 0;
  }
}
