package org.peftsweep.results;

import java.time.Instant;
import java.util.Optional;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome;
import org.peftsweep.train.Outcome.CurvePoint;

/**
 * What a row of {@code trials} is made of.
 *
 * @param sweep name of the sweep, which is its folder's name
 * @param id of the trial
 * @param title of the trial within its sweep
 * @param attempt counted from 1: how often the sweep has tried this trial
 * @param stackTrace of the failure, else null
 * @param rung of an early-stopping rule on which the trial stands, counted from 0; null for none
 */
public record TrialRow(
    String sweep,
    String id,
    String title,
    int attempt,
    Trial trial,
    Outcome outcome,
    Provenance provenance,
    Instant started,
    Instant finished,
    String stackTrace,
    Integer rung) {
  /** A row of a trial that stands on no rung. */
  public TrialRow(
      String sweep,
      String id,
      String title,
      int attempt,
      Trial trial,
      Outcome outcome,
      Provenance provenance,
      Instant started,
      Instant finished,
      String stackTrace) {
    this(
        sweep, id, title, attempt, trial, outcome, provenance, started, finished, stackTrace, null);
  }

  TrialFile file() {
    return new TrialFile(id, attempt, outcome.status());
  }

  /**
   * Returns the evaluation that is reported: the best on the validation part, or the last one where
   * there is no such part. The reported sets themselves never choose.
   */
  Optional<CurvePoint> selected() {
    CurvePoint best = outcome.best();
    boolean isChosen = best != null && best.validationScore() != null;
    return Optional.ofNullable(isChosen ? best : outcome.last());
  }
}
